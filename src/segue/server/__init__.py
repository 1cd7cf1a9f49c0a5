"""The daemon `segued`: its listener, its connections, its events and its background tasks."""
