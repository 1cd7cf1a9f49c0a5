"""The command line `segue`. Each command is imported only when it runs."""
