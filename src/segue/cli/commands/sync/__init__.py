"""The commands of sync."""
