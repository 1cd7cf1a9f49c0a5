"""Sync, between daemons of one process and against real hubs.

Each acceptance test of the design has a test of its own. The other folders have those that need a process or none:

- random histories: `unit/sync/test_histories.py`, with a new key `unit/sync/test_rekey_crashes.py`
- kills and lines that are cut: `process/sync`, `transports/test_contract_concurrency.py`, `transports/test_postgres.py`
- a full disk: `process/sync/test_disk_full.py`
- files in any order, in parts, of other programs: `unit/sync/test_folder.py`
- everything else: `test_acceptance.py` and `test_acceptance_hub.py`
"""
