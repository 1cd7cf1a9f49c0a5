"""The checks of `segue doctor`: the installation, the files, the daemon, and what surrounds them."""
