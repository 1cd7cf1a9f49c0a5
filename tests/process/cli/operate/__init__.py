"""Commands that check, configure and run the daemon."""
