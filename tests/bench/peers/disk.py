"""The disk alone: the number of bytes that an append adds to SQLite's WAL, written and synced."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn

FRAME = bytes(4096 + 24)
FRAMES = 3
"""Frames: one page of the table, one of its index, one of the session."""

SIZE = 1000 * len(FRAME)
"""Bytes: the size after which the file is overwritten from its beginning, as a WAL is."""


class Disk:
    """A loop of write and fdatasync, or fsync where fdatasync is missing."""

    name = "write + fdatasync"

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        path = folder / "wal"

        def turn(length: Length) -> Load:
            return _write(path, length)

        yield turn


def _write(path: Path, length: Length) -> Load:
    sync = getattr(os, "fdatasync", os.fsync)
    times: list[float] = []
    cpu = time.process_time()
    with path.open("wb", buffering=0) as file:
        counts_from = time.perf_counter() + length.warm_up
        ended = 0.0
        while ended < counts_from + length.seconds:
            begun = time.perf_counter()
            if file.tell() >= SIZE:
                file.seek(0)
            file.write(FRAME * FRAMES)
            sync(file.fileno())
            if (ended := time.perf_counter()) >= counts_from:
                times.append((ended - begun) * 1000)
    return Load([times], len(times), length.seconds, time.process_time() - cpu)
