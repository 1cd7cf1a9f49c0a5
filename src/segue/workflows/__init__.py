"""What every front end needs, without printing."""
