"""The event log and the subscriptions that read it."""
