"""What keeps the file in order: backup, restore, integrity checks, scrubbing and stale temporary files."""
