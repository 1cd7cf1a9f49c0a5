"""Extractions: the queue, and what completing an entry saves."""
