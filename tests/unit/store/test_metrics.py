"""Slow writes are remembered for ever and for a while, slow reads while they go on."""

from segue.store.engine.metrics import RECENT_SECONDS, Timing
from tests.support.clock import HandClock


def test_the_slowest_write_is_kept_and_the_slowest_of_late_is_forgotten_in_time() -> None:
    clock = HandClock()
    timing = Timing(clock.monotonic)
    asked = clock.monotonic()
    clock.pass_time(250)
    timing.wrote(3, asked)
    timing.wrote(1, clock.monotonic())
    found = timing.writes()
    assert (found.committed, found.slowest_ms, found.slowest_recent_ms) == (4, 250.0, 250.0)
    clock.pass_time(RECENT_SECONDS * 1000)
    assert timing.writes().slowest_recent_ms == 250.0
    clock.pass_time(RECENT_SECONDS * 1000)
    found = timing.writes()
    assert (found.slowest_ms, found.slowest_recent_ms) == (250.0, 0.0)


def test_a_pause_longer_than_the_memory_forgets_both_stretches() -> None:
    clock = HandClock()
    timing = Timing(clock.monotonic)
    asked = clock.monotonic()
    clock.pass_time(10)
    timing.wrote(1, asked)
    clock.pass_time(RECENT_SECONDS * 5000)
    assert timing.writes().slowest_recent_ms == 0.0


def test_the_oldest_read_is_the_one_that_began_first() -> None:
    clock = HandClock()
    timing = Timing(clock.monotonic)
    timing.begin_read("first")
    clock.pass_time(40)
    timing.begin_read("second")
    clock.pass_time(2)
    found = timing.reads(waiting=5)
    assert (found.running, found.waiting, found.oldest_ms) == (2, 5, 42.0)
    timing.end_read("first")
    assert timing.reads(waiting=0).oldest_ms == 2.0
    timing.end_read("second")
    assert timing.reads(waiting=0).oldest_ms is None
