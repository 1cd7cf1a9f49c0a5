"""A plain model of the wire contract in memory, and random requests for it."""
