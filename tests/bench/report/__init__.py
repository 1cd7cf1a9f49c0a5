"""The report of the figures: rows, tables, the plot and the page."""
