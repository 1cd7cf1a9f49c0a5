"""What the benchmark makes of its figures: rows, tables, the plot and the page."""
