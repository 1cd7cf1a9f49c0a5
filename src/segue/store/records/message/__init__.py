"""Messages: their columns, pages, keys, and changes in place."""
