"""The slowest write, ever and recently, and the oldest running read."""

from segue.store.engine.metrics import RECENT_SECONDS, StoreMetrics
from tests.support.clock import HandClock


def test_the_slowest_write_is_kept_and_the_recent_one_expires() -> None:
    clock = HandClock()
    metrics = StoreMetrics(clock.monotonic)
    enqueued_at = clock.monotonic()
    clock.pass_time(250)
    metrics.record_commit(3, enqueued_at)
    metrics.record_commit(1, clock.monotonic())
    found = metrics.write_status()
    assert (found.committed, found.slowest_ms, found.slowest_recent_ms) == (4, 250.0, 250.0)
    clock.pass_time(RECENT_SECONDS * 1000)
    assert metrics.write_status().slowest_recent_ms == 250.0
    clock.pass_time(RECENT_SECONDS * 1000)
    found = metrics.write_status()
    assert (found.slowest_ms, found.slowest_recent_ms) == (250.0, 0.0)


def test_a_long_pause_expires_both_intervals() -> None:
    clock = HandClock()
    metrics = StoreMetrics(clock.monotonic)
    enqueued_at = clock.monotonic()
    clock.pass_time(10)
    metrics.record_commit(1, enqueued_at)
    clock.pass_time(RECENT_SECONDS * 5000)
    assert metrics.write_status().slowest_recent_ms == 0.0


def test_the_oldest_read_is_the_one_that_started_first() -> None:
    clock = HandClock()
    metrics = StoreMetrics(clock.monotonic)
    metrics.read_started("first")
    clock.pass_time(40)
    metrics.read_started("second")
    clock.pass_time(2)
    found = metrics.read_status(waiting=5)
    assert (found.running, found.waiting, found.oldest_ms) == (2, 5, 42.0)
    metrics.read_ended("first")
    assert metrics.read_status(waiting=0).oldest_ms == 2.0
    metrics.read_ended("second")
    assert metrics.read_status(waiting=0).oldest_ms is None
