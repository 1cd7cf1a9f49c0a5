"""Commands that run and check the daemon, and set up a shell."""
