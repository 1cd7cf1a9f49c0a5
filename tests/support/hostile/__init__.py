"""Clients that attack a daemon, and faults that strike it."""
