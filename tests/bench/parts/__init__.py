"""The measurements: one file for each part of the table."""
