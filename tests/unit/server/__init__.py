"""Parts of the daemon, without a socket."""
