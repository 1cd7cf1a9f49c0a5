"""Framing, parsing, dispatch and discovery without a socket."""
