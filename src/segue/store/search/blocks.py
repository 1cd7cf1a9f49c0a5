"""Figures of each block of 1024 message ids: the times of its messages, and their lengths.

A row of `search_times` has one byte for the length of each message, on a logarithmic scale with steps of 7 %. FTS5
would need ten times the space for exact lengths, and ranking does not need them exact.
"""

import json
from collections.abc import Iterable
from itertools import groupby
from math import log2
from typing import NamedTuple

from segue.store.engine.tx import Tx

BLOCK_BITS = 10
"""Bits: a block covers 1024 message ids."""

SIZE = 1 << BLOCK_BITS

WORDS = [2 ** (code / 10) - 1 for code in range(256)]
"""Words: the length that a byte stands for."""


class Entry(NamedTuple):
    """The figures of an indexed message."""

    id: int
    created_at: str
    length: int


def record(tx: Tx, entries: Iterable[Entry]) -> None:
    """Add the figures of messages, which are in order of their ids."""
    for block, group in groupby(entries, key=lambda entry: entry.id >> BLOCK_BITS):
        members = list(group)
        found = tx.run("SELECT lengths FROM search_times WHERE block = :block", block=block).fetchone()
        lengths = bytearray(found[0] if found else SIZE)
        for entry in members:
            lengths[entry.id % SIZE] = min(255, round(10 * log2(entry.length + 1)))
        times = [entry.created_at for entry in members]
        tx.run(
            """
            INSERT INTO search_times (block, first_at, last_at, lengths) VALUES (:block, :first, :last, :lengths)
            ON CONFLICT (block) DO UPDATE SET
                first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
                lengths = excluded.lengths
            """,
            block=block,
            first=min(times),
            last=max(times),
            lengths=bytes(lengths),
        )


def lengths(tx: Tx, blocks: set[int]) -> dict[int, bytes]:
    """Return the lengths of the messages of each block, as codes of `WORDS`; 0 in a block that is not recorded."""
    found = tx.run(
        "SELECT block, lengths FROM search_times WHERE block IN (SELECT value FROM json_each(:blocks))",
        blocks=json.dumps(list(blocks)),
    )
    return dict.fromkeys(blocks, bytes(SIZE)) | dict(found.fetchall())
