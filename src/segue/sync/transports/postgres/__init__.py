"""A hub on PostgreSQL: the transport, its statements, and the installer of its schema."""
