"""The Python clients against a server in the same process."""
