"""The database engine: connections, transactions, the write queue, migrations and the file they work on."""
