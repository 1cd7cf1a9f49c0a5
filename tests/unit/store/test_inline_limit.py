"""A slow batch keeps writes off the event loop's thread, for longer each time."""

from segue.store.engine.inline_limit import (
    CHECKPOINT_FRAMES,
    FIRST_BACKOFF_SECONDS,
    INLINE_SECONDS,
    MAX_BACKOFF_SECONDS,
    MAX_INLINE_WRITES,
    InlineCommitLimit,
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


def commit(limit: InlineCommitLimit, clock: HandClock, milliseconds: int, **how: bool) -> None:
    begun_at = clock.monotonic()
    clock.pass_time(milliseconds)
    limit.record(begun_at, 0, **how)


def quick_limit(clock: HandClock) -> InlineCommitLimit:
    """Return a limit that has seen a quick disk."""
    limit = InlineCommitLimit(clock.monotonic)
    for _ in range(30):
        commit(limit, clock, 0)
    return limit


def test_the_loop_commits_after_the_disk_was_quick_for_some_commits() -> None:
    clock = HandClock()
    limit = InlineCommitLimit(clock.monotonic)
    assert not limit.allows()
    assert quick_limit(clock).allows()


def test_the_loop_commits_nothing_while_every_commit_takes_some_milliseconds() -> None:
    clock = HandClock()
    limit = quick_limit(clock)
    for _ in range(30):
        commit(limit, clock, 3)
    assert not limit.allows()


def test_each_slow_commit_keeps_the_loop_from_commits_for_longer() -> None:
    clock = HandClock()
    limit = quick_limit(clock)
    expected = FIRST_BACKOFF_SECONDS
    for _ in range(12):
        commit(limit, clock, 11)
        for _ in range(30):
            commit(limit, clock, 0)
        clock.pass_time(int(expected * 1000) - 1)
        assert not limit.allows()
        clock.pass_time(2)
        assert limit.allows()
        expected = min(2 * expected, MAX_BACKOFF_SECONDS)
    clock.pass_time(int(MAX_BACKOFF_SECONDS * 2000) + 1)
    commit(limit, clock, 11)
    clock.pass_time(int(FIRST_BACKOFF_SECONDS * 1000) + 1)
    for _ in range(30):
        commit(limit, clock, 0)
    assert limit.allows()


def test_a_disk_that_stalls_stops_the_loop_once_a_minute_at_most() -> None:
    """A sync of 300 ms after every 200 of 1 ms, for ten minutes."""
    clock = HandClock()
    limit = quick_limit(clock)
    stopped_at = []
    for number in range(300_000):
        is_stalled = number % 200 == 199
        if is_stalled and limit.allows():
            stopped_at.append(clock.monotonic())
        commit(limit, clock, 300 if is_stalled else 1)
    assert len(stopped_at) == 1


def test_a_rare_stall_stops_the_loop_again_after_a_minute() -> None:
    clock = HandClock()
    limit = quick_limit(clock)
    commit(limit, clock, 300)
    for _ in range(30):
        commit(limit, clock, 0)
    clock.pass_time(int(MAX_BACKOFF_SECONDS * 1000) - 1)
    assert not limit.allows()
    clock.pass_time(2)
    assert limit.allows()


def test_the_wal_is_copied_once_and_the_writer_thread_copies_the_rest() -> None:
    clock = HandClock()
    limit = quick_limit(clock)
    limit.add_frames(CHECKPOINT_FRAMES - 1)
    assert limit.allows()
    assert not limit.begin_copy()
    limit.record(clock.monotonic(), 1)
    assert not limit.allows()
    assert [limit.begin_copy(), limit.begin_copy(), limit.checkpoint_due] == [True, False, False]
    limit.end_copy()
    assert [limit.begin_copy(), limit.checkpoint_due, limit.allows()] == [False, True, False]
    commit(limit, clock, 40, copied=True)
    assert not limit.checkpoint_due
    assert limit.allows()
