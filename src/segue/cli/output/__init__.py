"""The output of the command line: escaped text, tables, transcripts and advice."""
