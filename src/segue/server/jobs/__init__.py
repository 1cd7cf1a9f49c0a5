"""Background tasks of the daemon and the long jobs that clients start."""
