"""Random clients for a while: every answered write is stored, and no resource grows with time."""

import statistics
import threading
import time
from typing import NamedTuple

import pytest

from tests.support.counters import ANSWERED, measured, tried
from tests.support.deadline import wait_until
from tests.support.hostile.attack import MEBIBYTE, warm_up
from tests.support.hostile.soak import Soaker
from tests.support.hostile.soak_plot import plot_memory
from tests.support.process import Segued
from tests.support.system.usage import idle_usage, is_released, memory_bytes, usage

SOAKERS = 5
SAMPLES = 20
SAMPLE_SECONDS = 5.0
"""Seconds between two samples of a long soak."""

FLAT_MINUTES = 10
"""Minutes: the memory of a soak of this length and longer must be flat at its end."""

FLAT_BYTES = MEBIBYTE
"""Bytes of growth in the last third of such a soak."""

MEMORY_BYTES = 192 * MEBIBYTE
"""Bytes of growth after the first sample: 64 MiB of events, SQLite's caches, and slack."""

WAL_BYTES = 256 * MEBIBYTE
"""Bytes. A checkpoint truncates the WAL to 64 MiB; readers may delay it."""


class Sample(NamedTuple):
    """The resources of the daemon at a moment."""

    seconds: float
    memory: float
    descriptors: float
    threads: float
    wal: float
    p99_ms: float


def slopes(samples: list[Sample]) -> str:
    """Return the first and last value and the growth per minute, by linear regression."""
    times = [sample.seconds for sample in samples]
    parts = []
    for name in ("memory", "descriptors", "threads", "wal", "p99_ms"):
        values = [getattr(sample, name) for sample in samples]
        slope = statistics.linear_regression(times, values).slope * 60
        parts.append(f"{name} {values[0]:.1f} → {values[-1]:.1f} ({slope:+.2f}/min)")
    return ", ".join(parts)


def growth(samples: list[Sample]) -> float:
    """Return the growth of the memory in MiB, by linear regression."""
    times = [sample.seconds for sample in samples]
    slope = statistics.linear_regression(times, [sample.memory for sample in samples]).slope
    return slope * (times[-1] - times[0])


def p99_ms(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000 if len(seconds) > 1 else 0


def test_a_soak_loses_no_answered_write_and_frees_every_resource(
    segued: Segued, soak_seconds: float, soak_seed: str, pytestconfig: pytest.Config
) -> None:
    watcher = segued.start().connect()
    warm_up(watcher)
    before = idle_usage(segued, watcher)
    soakers = [Soaker(soak_seed, number, segued) for number in range(SOAKERS)]
    start = time.monotonic()
    threads = [threading.Thread(target=soaker.run, args=(start + soak_seconds,)) for soaker in soakers]
    for thread in threads:
        thread.start()
    samples: list[Sample] = []
    seen = [0] * SOAKERS
    while any(thread.is_alive() for thread in threads):
        for thread in threads:
            thread.join(min(soak_seconds / SAMPLES, SAMPLE_SECONDS) / SOAKERS)
        recent = [second for soaker, at in zip(soakers, seen, strict=True) for second in soaker.seconds[at:]]
        seen = [len(soaker.seconds) for soaker in soakers]
        status, held = watcher.call("daemon.status"), usage(segued, watcher)
        wal = status["database"]["wal_bytes"] / MEBIBYTE
        memory = memory_bytes(segued) / MEBIBYTE
        samples.append(Sample(time.monotonic() - start, memory, held.descriptors, held.threads, wal, p99_ms(recent)))
    assert [soaker.failure for soaker in soakers] == [None] * SOAKERS, soak_seed
    for soaker in soakers:
        soaker.check(watcher)
    wait_until(
        lambda: is_released(usage(segued, watcher), before),
        what=lambda: f"{usage(segued, watcher)} is not yet {before}",
    )
    writes = sum(soaker.writes for soaker in soakers)
    measured(f"soak of {soak_seconds:g} s, {writes} answered writes, seed {soak_seed}: {slopes(samples)}")
    assert writes > 0
    tried("seconds of soak", round(soak_seconds))
    tried(ANSWERED, writes)
    assert (samples[-1].memory - samples[0].memory) * MEBIBYTE < MEMORY_BYTES
    if soak_seconds >= 60 * FLAT_MINUTES:
        plot = plot_memory([(sample.seconds, sample.memory) for sample in samples], "memory of the daemon, MiB")
        path = pytestconfig.rootpath / "build" / "soak.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(plot)
        last = samples[len(samples) * 2 // 3 :]
        third = f"{last[0].memory:.1f} → {last[-1].memory:.1f} MiB, {growth(last):+.2f} MiB by regression"
        measured(f"memory of the daemon in the last third of the soak: {third}")
        assert growth(last) * MEBIBYTE < FLAT_BYTES
    assert max(sample.wal for sample in samples) * MEBIBYTE < WAL_BYTES
    assert watcher.call("daemon.check", full=True) == {"ok": True, "problems": []}
