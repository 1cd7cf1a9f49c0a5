"""What pictures of the browser show: a person's sessions, and the browser at a moment that stays the same."""
