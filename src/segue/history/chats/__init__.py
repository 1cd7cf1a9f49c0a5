"""Readers of chat tools' histories and of exported archives."""
