"""The schedule of the cleanup over several daemons: a clock that jumps is not believed immediately."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from segue.config import Config
from segue.server.jobs.retention import Cleanup
from segue.store.records.retention import count
from segue.store.records.sessions import create
from segue.store.store import open_store
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, HandClock
from tests.support.wire import TIMEOUT_SECONDS


class Lives:
    """Daemons that run the schedule over one file, with both clocks set by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock()
        self.waiting = 0

    async def life(self, *steps: Any, scheduled: bool = True) -> list[int]:
        """Return the number of sessions after each step of one daemon's life, which ends in an exit.

        If not SCHEDULED, the life is too short for a run.
        """
        left = []
        async with open_store(self.path, clock=self.clock.wall) as store:
            cleanup = Cleanup(store, Config(), self.clock.wall, self.clock.monotonic)
            await cleanup.load()
            for step in steps:
                if isinstance(step, int):
                    for _ in range(step):
                        await store.write(create, bot_id="default")
                else:
                    step()
                    if scheduled:
                        await cleanup.run_unless_clock_jumped()
                left.append(await store.read(count))
            await cleanup.run_at_exit()
            self.waiting = cleanup.status().waiting
        return left

    async def make_sessions(self, number: int = 1) -> None:
        async with open_store(self.path, clock=self.clock.wall) as store:
            for _ in range(number):
                await store.write(create, bot_id="default")

    async def clean_up(self) -> int:
        """Return the number of sessions after a cleanup that a client requested."""
        async with open_store(self.path, clock=self.clock.wall) as store:
            cleanup = Cleanup(store, Config(), self.clock.wall, self.clock.monotonic)
            await cleanup.load()
            await cleanup.run()
            self.waiting = cleanup.status().waiting
            return await store.read(count)

    def hour(self) -> None:
        self.clock.pass_time(HOUR)

    def month(self) -> None:
        self.clock.pass_time(31 * DAY)

    def jump_a_year(self) -> None:
        """Set the clock while no daemon runs."""
        self.clock.jump(365 * DAY)

    def year_ahead(self) -> None:
        self.clock.jump(365 * DAY)
        self.hour()

    def year_back(self) -> None:
        self.clock.jump(-365 * DAY)
        self.hour()


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    return Lives(tmp_path / "data" / "sessions.db")


async def test_a_clock_that_jumps_a_year_ahead_and_back_deletes_nothing(lives: Lives) -> None:
    await lives.make_sessions()
    assert await lives.life(lives.hour, lives.year_ahead, lives.year_back, lives.hour) == [1, 1, 1, 1]


async def test_a_clock_that_stays_a_year_ahead_is_trusted_after_an_interval(lives: Lives) -> None:
    await lives.make_sessions()
    assert await lives.life(lives.hour, lives.year_ahead, lives.hour) == [1, 1, 0]


async def test_a_session_of_this_daemon_or_the_last_one_is_spared_after_a_clock_in_the_past(lives: Lives) -> None:
    lives.clock.jump(-365 * DAY)
    assert await lives.life(1, lives.year_ahead, lives.hour) == [1, 1, 1]
    assert await lives.life(lives.hour) == [1]
    assert await lives.life(lives.hour) == [0]


async def test_a_daemon_deletes_what_it_did_not_use_within_the_retention(lives: Lives) -> None:
    assert await lives.life(1, lives.hour, lives.month, lives.month) == [1, 1, 0, 0]


@pytest.mark.parametrize(("old", "new", "left"), [(20, 0, 0), (21, 0, 21), (21, 20, 41), (21, 21, 21)])
async def test_a_run_that_would_delete_more_than_half_and_more_than_20_waits_for_a_person(
    lives: Lives, old: int, new: int, left: int
) -> None:
    await lives.make_sessions(old)
    lives.clock.pass_time(31 * DAY)
    await lives.make_sessions(new)
    assert await lives.life(lives.hour) == [left]
    assert lives.waiting == (old if left == old + new else 0)
    assert await lives.clean_up() == new
    assert lives.waiting == 0


async def test_the_third_daemon_without_a_cleanup_runs_it_when_it_exits(lives: Lives) -> None:
    await lives.make_sessions()
    lives.clock.pass_time(31 * DAY)
    assert [await lives.life(0) for _ in range(4)] == [[1], [1], [1], [0]]


async def test_a_gain_of_less_than_a_day_is_no_jump(lives: Lives) -> None:
    await lives.make_sessions()

    def nearly_a_day() -> None:
        lives.clock.jump(DAY - SECOND)
        lives.clock.pass_time(MINUTE)

    assert await lives.life(*[nearly_a_day] * 30) == [1] * 29 + [0]


async def test_a_state_that_another_program_wrote_is_ignored(lives: Lives) -> None:
    await lives.make_sessions()
    await lives.life(lives.hour)
    async with open_store(lives.path, clock=lives.clock.wall) as store:
        await store.write(lambda tx: tx.run("UPDATE daemon_state SET value = 'junk'").rowcount)
    with anyio.fail_after(TIMEOUT_SECONDS):
        assert await lives.life(lives.hour) == [1]


@pytest.mark.parametrize("before", [True, False])
async def test_short_lives_under_a_clock_a_year_ahead_delete_nothing(lives: Lives, before: bool) -> None:
    await lives.life(5, *[lives.hour] * before, scheduled=before)
    lives.jump_a_year()
    assert [await lives.life(0) for _ in range(4)] == [[5]] * 4
    lives.clock.jump(-365 * DAY)
    assert [await lives.life(0) for _ in range(4)] == [[5]] * 4


async def test_short_lives_of_an_interval_together_clean_up_after_a_long_absence(lives: Lives) -> None:
    await lives.life(5, lives.hour)
    left = []
    for _ in range(6):
        lives.clock.pass_time(31 * DAY)
        left += await lives.life(lambda: lives.clock.pass_time(13 * MINUTE), scheduled=False)
    assert left == [5] * 5 + [0]


async def test_a_jump_in_the_third_short_life_deletes_nothing(lives: Lives) -> None:
    await lives.make_sessions()
    for _ in range(5):
        assert await lives.life(lives.jump_a_year, scheduled=False) == [1]
    assert await lives.life(0) == [1]
