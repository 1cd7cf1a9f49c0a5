"""What the command line prints: escaped text, tables, transcripts and advice."""
