"""Sockets: the listener, the connections and what they read and write."""
