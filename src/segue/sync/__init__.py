"""Sync: one history on several machines, sealed before it leaves a machine. `segue help sync` describes it."""
