"""Ways to the hub, which stores sealed batches: a folder, PostgreSQL, S3. Each implements `transport.Transport`."""
