"""Lists of sessions: filters, counts and pages."""
