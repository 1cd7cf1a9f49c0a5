"""Check, normalize and redact what clients send, before a method uses it."""
