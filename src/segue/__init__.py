"""segue remembers conversations: one daemon, one private file, one private socket."""

__version__ = "0.1.0"

PROTOCOL = 1
"""The wire contract's number; it grows when an old client could be misled."""
