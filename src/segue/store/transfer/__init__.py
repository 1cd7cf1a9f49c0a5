"""Whole sessions, out of the store and into it."""
