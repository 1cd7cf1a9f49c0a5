"""Commands for scripts and readers of the manual."""
