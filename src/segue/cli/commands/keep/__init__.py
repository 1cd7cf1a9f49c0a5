"""Commands that keep and delete what is stored."""
