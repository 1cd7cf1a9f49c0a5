"""The search index, without a server."""
