"""Clients that other people wrote speak with a real daemon.

Proven: the libraries of editors, which frame by Content-Length, call methods and receive events.
"""
