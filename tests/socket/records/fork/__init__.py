"""Forks: whole, with summaries, and copied in slices."""
