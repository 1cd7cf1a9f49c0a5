"""The daemon: its lock, its door, its connections and its chores. The only place that knows sockets of anyio."""
