"""The widgets, and what they draw."""
