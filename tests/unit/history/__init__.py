"""The readers of other tools' histories, over files that the tools wrote."""
