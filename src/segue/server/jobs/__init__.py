"""Background tasks: retention, indexing, backups, scrubbing and the emptying of the WAL."""
