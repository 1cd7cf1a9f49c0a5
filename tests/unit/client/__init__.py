"""The client's parts without a daemon."""
