"""Sockets: the listener, the connections, and how the daemon reads and writes them."""
