"""Steps that every front end needs, without printing."""
