"""The ranges of message ids that a time filter covers.

Ids grow with time, except after a clock jump and in a fork, which keeps times. `search_times` holds the first and last
time of each block of 1024 ids. A search compares single messages only in blocks that a bound of the filter cuts,
because a join over all matches takes up to a second.
"""

from itertools import groupby
from typing import NamedTuple

from segue.store.engine.tx import Tx
from segue.store.search.blocks import BLOCK_BITS

RANGES = 100
"""Ranges: above this number they are searched as one, message by message."""

PAST_ALL_IDS = 2**63 - 1


class Range(NamedTuple):
    """Ids from `first` to `last`, inclusive; if `exact`, the filter admits every message in it."""

    first: int
    last: int
    exact: bool


def ranges(tx: Tx, since: str | None, until: str | None) -> list[Range]:
    """Return the ranges, ascending, that may hold messages after `since` and not after `until`."""
    if since is None and until is None:
        return [Range(0, PAST_ALL_IDS, exact=True)]
    blocks = tx.run(
        """
        SELECT block, (:since IS NULL OR first_at > :since) AND (:until IS NULL OR last_at <= :until) FROM search_times
        WHERE (:since IS NULL OR last_at > :since) AND (:until IS NULL OR first_at <= :until) ORDER BY block
        """,
        since=since,
        until=until,
    ).fetchall()
    # Adjacent blocks have the same difference between block number and position in the list.
    runs = groupby(enumerate(blocks), key=lambda entry: (entry[1][0] - entry[0], bool(entry[1][1])))
    found = [_range([block for _, (block, _) in members], exact=exact) for (_, exact), members in runs]
    return found if len(found) <= RANGES else [Range(found[0].first, found[-1].last, exact=False)]


def first_after(tx: Tx, since: str) -> int:
    """Return an id before which no message is later than `since`, for reads without a search."""
    row = tx.run(
        f"""
        SELECT min(upto + 1, coalesce((SELECT min(block) << {BLOCK_BITS} FROM search_times WHERE last_at > :since),
                                      upto + 1))
        FROM search_progress
        """,
        since=since,
    ).fetchone()
    return int(row[0])


def _range(blocks: list[int], *, exact: bool) -> Range:
    return Range(blocks[0] << BLOCK_BITS, ((blocks[-1] + 1) << BLOCK_BITS) - 1, exact)
