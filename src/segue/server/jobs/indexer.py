"""Keeps the search index up to date while nobody waits for the writer."""

import logging
import sqlite3

import anyio

from segue.errors import SegueError
from segue.store.search import index
from segue.store.store import Store

log = logging.getLogger("segue.search")

IDLE_SECONDS = 0.25
"""After a change, so that the index takes no turns from the clients that are at it; a search does not wait for it."""

PAUSE_SECONDS = 0.005
"""Between two slices while nobody else writes."""

BUSY_SECONDS = 0.1
"""Between two slices while others do: the writer belongs to them, and one in a hundred waiting for a slice is many."""

RETRY_SECONDS = 60
"""After an error, which may be a full disk."""


async def keep_indexed(store: Store) -> None:
    """Put in what is appended and merge away what is deleted, a slice at a time, until cancelled."""
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
            log.warning("indexing failed: %s", error)
            await anyio.sleep(RETRY_SECONDS)
        await store.wait_for_commit(after=commits)
        await anyio.sleep(IDLE_SECONDS)


async def _work(store: Store) -> bool:
    """Do a slice of what is to be done; False if that is nothing.

    Of both, for one who never stops appending must not keep the words of the deleted in the index.
    """
    newest = await store.read(index.newest)
    is_behind = await store.read(index.is_behind, newest)
    if is_behind:
        await store.write(index.step, newest)
    merges = await store.read(index.merge_is_due)
    if merges:
        await store.write(index.merge_step)
    return is_behind or merges
