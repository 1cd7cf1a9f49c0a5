"""Conversations of other tools: one reader per tool, the importer, and the exporter."""
