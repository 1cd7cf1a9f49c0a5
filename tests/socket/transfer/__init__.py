"""Whole sessions in and out, over a real socket in one process."""
