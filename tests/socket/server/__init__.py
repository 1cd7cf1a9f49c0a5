"""The transport, events and status over a real socket in one process."""
