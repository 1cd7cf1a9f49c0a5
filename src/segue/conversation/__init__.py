"""The messages of a conversation: the meaning of their parts, which belong together, and how a provider takes them."""
