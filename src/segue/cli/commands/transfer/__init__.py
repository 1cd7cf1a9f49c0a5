"""Commands that bring sessions in from other tools and out to them."""
