"""Every noun of the contract over a real socket in one process."""
