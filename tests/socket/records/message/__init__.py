"""Messages: appended, keyed, listed, changed and deleted."""
