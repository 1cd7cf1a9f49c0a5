"""Store AI conversations: one daemon, one private database file, one private socket."""

__version__ = "0.1.0"

PROTOCOL = 1
"""Number: the version of the wire contract. It grows when an old client would misread a new daemon."""
