"""The one file: an engine that reads and writes it, and one file of queries per noun."""
