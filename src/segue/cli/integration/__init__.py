"""Files that other programs read: completion tables, unit files and the files that segue manages."""
