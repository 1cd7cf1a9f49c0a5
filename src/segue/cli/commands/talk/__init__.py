"""Commands that add to conversations."""
