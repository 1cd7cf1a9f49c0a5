"""Start a daemon when none serves."""
