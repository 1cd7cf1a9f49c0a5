"""What the browser holds of the daemon's sessions and messages, without any widget."""
