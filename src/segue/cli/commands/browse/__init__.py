"""Commands that show conversations."""
