"""The command line's parts without a daemon."""
