"""A hub in a bucket of S3, or of a store with its interface."""
