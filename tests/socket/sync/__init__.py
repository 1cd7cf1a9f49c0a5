"""Sync, against real hubs."""
