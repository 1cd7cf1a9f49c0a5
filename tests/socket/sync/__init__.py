"""Sync, between daemons of one process and against real hubs.

The acceptance tests of the design:

1. Two machines that were offline have everything in one order: `test_acceptance.py`.
2. Random histories converge: `unit/sync/test_histories.py`, with crashes at each step of a new key in
   `unit/sync/test_rekey_crashes.py`.
3. Kills and lines that are cut anywhere lose nothing: `process/sync`, `transports/test_contract_concurrency.py`,
   `transports/test_postgres.py`.
4. Whatever is deleted is gone at the hub and on the other disk: `test_acceptance.py`.
5. The hub holds no word, and a batch that it changes is refused: `test_acceptance_hub.py`,
   `transports/test_refusals.py`.
6. A wrong key cannot join, and another account learns nothing: `test_acceptance_hub.py`, `transports/test_contract.py`.
7. Sessions with the same ID are both there: `test_acceptance.py`.
8. A clock of a year ahead wins nothing later and deletes nothing: `test_acceptance.py`.
9. A pull that fills the disk is completed when there is room: `process/sync/test_disk_full.py`.
10. Sync costs appends nothing, and little memory and processor time: `bench/parts/sync.py`.
11. A new machine gets a million messages: `bench/parts/sync.py`.
12. Files in any order, in parts, of other programs: `unit/sync/test_folder.py`, and histories.
13. Many deletions wait for a person: `test_acceptance.py`.
14. A hub that is away costs one batch: `test_acceptance_hub.py`.
"""
