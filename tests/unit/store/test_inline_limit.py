"""A slow batch keeps writes off the event loop's thread, for longer each time."""

from segue.store.engine.inline_limit import (
    FIRST_BACKOFF_SECONDS,
    INLINE_SECONDS,
    MAX_BACKOFF_SECONDS,
    MAX_INLINE_WRITES,
    InlineLimit,
)
from tests.support.clock import HandClock

SLOW_MS = int(INLINE_SECONDS * 1000)


def run_batch(limit: InlineLimit, clock: HandClock, milliseconds: int) -> None:
    deadline = limit.start()
    clock.pass_time(milliseconds)
    limit.end(deadline)


def test_a_batch_over_the_limit_is_not_inline() -> None:
    limit = InlineLimit(HandClock().monotonic)
    assert limit.allows(MAX_INLINE_WRITES)
    assert not limit.allows(MAX_INLINE_WRITES + 1)


def test_each_further_slow_batch_doubles_the_back_off_up_to_its_bound() -> None:
    clock = HandClock()
    limit = InlineLimit(clock.monotonic)
    expected = FIRST_BACKOFF_SECONDS
    for _ in range(12):
        run_batch(limit, clock, SLOW_MS)
        clock.pass_time(int(expected * 1000) - 1)
        assert not limit.allows(1)
        clock.pass_time(2)
        assert limit.allows(1)
        expected = min(2 * expected, MAX_BACKOFF_SECONDS)
    assert expected == MAX_BACKOFF_SECONDS


def test_a_batch_in_time_resets_the_back_off() -> None:
    clock = HandClock()
    limit = InlineLimit(clock.monotonic)
    for _ in range(3):
        run_batch(limit, clock, SLOW_MS)
        clock.pass_time(int(MAX_BACKOFF_SECONDS * 1000))
    run_batch(limit, clock, SLOW_MS - 1)
    assert limit.allows(1)
    run_batch(limit, clock, SLOW_MS)
    clock.pass_time(int(FIRST_BACKOFF_SECONDS * 1000) + 1)
    assert limit.allows(1)
