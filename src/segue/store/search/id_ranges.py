"""Which ids a time covers: ids grow with time but for clocks that jump and for forks, which keep times.

For each block of 1024 ids its first and last time are known, so that only in blocks that a bound goes through a
search must look at the messages themselves (a join over all matches takes up to a second).
"""

from itertools import groupby
from typing import NamedTuple

from segue.store.engine.tx import Tx
from segue.store.search.index import BLOCK_BITS

RANGES = 100
"""More ranges than this are searched as one, message by message."""

PAST_ALL_IDS = 2**63 - 1


class Range(NamedTuple):
    """Ids from first to last; if `sure`, all messages in it are of the time asked for."""

    first: int
    last: int
    sure: bool


def ranges(tx: Tx, since: str | None, until: str | None) -> list[Range]:
    """The ranges, in order, that may hold messages after `since` and not after `until`."""
    if since is None and until is None:
        return [Range(0, PAST_ALL_IDS, sure=True)]
    blocks = tx.run(
        """
        SELECT block, (:since IS NULL OR first_at > :since) AND (:until IS NULL OR last_at <= :until) FROM search_times
        WHERE (:since IS NULL OR last_at > :since) AND (:until IS NULL OR first_at <= :until) ORDER BY block
        """,
        since=since,
        until=until,
    ).fetchall()
    # Neighbours have equal differences of number and place.
    runs = groupby(enumerate(blocks), key=lambda entry: (entry[1][0] - entry[0], bool(entry[1][1])))
    found = [_range([block for _, (block, _) in members], sure=sure) for (_, sure), members in runs]
    return found if len(found) <= RANGES else [Range(found[0].first, found[-1].last, sure=False)]


def _range(blocks: list[int], *, sure: bool) -> Range:
    return Range(blocks[0] << BLOCK_BITS, ((blocks[-1] + 1) << BLOCK_BITS) - 1, sure)
