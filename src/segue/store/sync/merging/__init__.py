"""Merge what other machines publish, one kind of record in each module."""
