"""The daemon's parts without a socket."""
