"""Maintenance of the file: backup, restore, integrity checks, scrubbing and stale temporary files."""
