"""What the benchmark measures: one file for each part of the table."""
