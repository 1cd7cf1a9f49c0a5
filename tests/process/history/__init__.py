"""Histories of other tools, with the real programs."""
