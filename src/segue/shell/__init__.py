"""The scripts that `segue init` prints, one for each shell, and their completion."""
