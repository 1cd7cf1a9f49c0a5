"""What the browser knows of the daemon's sessions and messages, without any widget."""
