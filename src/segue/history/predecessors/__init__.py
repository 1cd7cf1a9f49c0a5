"""Readers of the stores that segue replaces."""
