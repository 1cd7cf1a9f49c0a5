"""Statistics: the figures that are kept for them, the days of a time zone, and the sums."""
