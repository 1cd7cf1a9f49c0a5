"""The transports: one contract for all hubs, and what each hub adds to it."""
