"""The sessions and messages that the browser holds in memory, without any widget."""
