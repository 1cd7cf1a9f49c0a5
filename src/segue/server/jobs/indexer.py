"""The background task that keeps the search index up to date while the writer is idle."""

import logging
import sqlite3

import anyio

from segue.errors import SegueError
from segue.store.search import index
from segue.store.store import Store

log = logging.getLogger("segue.search")

IDLE_SECONDS = 0.25
"""Seconds: the delay after a change. Clients often write again soon; a search does not wait for the indexer."""

PAUSE_SECONDS = 0.005
"""Seconds: the pause between two slices while no client writes."""

BUSY_SECONDS = 0.1
"""Seconds: the further pause while clients write, so that only about 1 in 100 writes waits for a slice."""

RETRY_SECONDS = 60
"""Seconds: the pause after an error, such as a full disk."""


async def keep_indexed(store: Store) -> None:
    """Index new messages and merge deleted terms away, one slice at a time, until cancelled."""
    while True:
        commits = store.commit_count
        try:
            if await _work(store):
                before = store.commit_count
                await anyio.sleep(PAUSE_SECONDS)
                if store.commit_count != before:
                    await anyio.sleep(BUSY_SECONDS)
                continue
        except (SegueError, sqlite3.Error) as error:
            log.warning("indexing failed: %s (next attempt in %d s)", error, RETRY_SECONDS)
            await anyio.sleep(RETRY_SECONDS)
        await store.wait_for_commit(after=commits)
        await anyio.sleep(IDLE_SECONDS)


async def _work(store: Store) -> bool:
    """Run one slice of indexing and one of merging; return False if neither is due.

    Both run in each round, because a client that appends without pause must not keep deleted terms in the index.
    """
    newest = await store.read(index.newest)
    is_behind = await store.read(index.is_behind, newest)
    if is_behind:
        await store.write(index.step, newest)
    merges = await store.read(index.merge_is_due)
    if merges:
        await store.write(index.merge_step)
    return is_behind or merges
