"""Full-text search: the tokenizer, the query parser, the index and the ranked search over it."""
