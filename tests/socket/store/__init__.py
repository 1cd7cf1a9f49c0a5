"""The store's engine under an event loop."""
