"""The tables of sync in the database: identities, changes to publish, and the merging of what other machines publish.

Every record of a batch is the state of one thing, and merging is idempotent, commutative and associative: the order in
which batches arrive, and how often, makes no difference.
"""
