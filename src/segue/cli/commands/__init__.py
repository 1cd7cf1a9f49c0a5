"""The commands of `segue`, one file for each command or group of related commands."""
