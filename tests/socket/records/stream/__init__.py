"""Streams: messages that grow while they are written."""
