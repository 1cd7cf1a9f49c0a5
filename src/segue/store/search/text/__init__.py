"""Text for the search: words, pieces, stems, queries and snippets, without the database."""
