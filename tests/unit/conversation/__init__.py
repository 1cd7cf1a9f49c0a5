"""The parts of messages, and requests of providers."""
