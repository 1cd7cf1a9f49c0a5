"""Hostile clients and injected faults."""
