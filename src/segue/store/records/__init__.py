"""The queries of each noun: one file for each, plain functions over a transaction."""
