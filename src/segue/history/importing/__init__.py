"""Parts of the importer that talk with the daemon."""
