"""What the daemon's process needs of the system: locks, signals, logs, memory and the start-up report."""
