"""Who can read what.

Proven here: files are 0600 in 0700 directories from their first instant, other users are rejected, secrets are
redacted or scrubbed everywhere, and deleted text leaves the database, the index and the WAL.
"""
