"""Clients that misbehave or overload the daemon.

Proven here: every line gets the answer that the contract gives, other clients keep their speed, memory and
descriptors stay within their bounds, and nothing remains when the misbehaving client is gone.
"""
