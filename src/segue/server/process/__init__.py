"""The process around the daemon: locks, signals, the log, and reports to the process that started it."""
