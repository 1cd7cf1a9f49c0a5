"""Readers of the histories that coding agents keep."""
