"""The store's functions without an event loop."""
