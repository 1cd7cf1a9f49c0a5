"""Clients that wait while another process starts the daemon, with a clock that only their sleeps move."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from segue.client.autostart import start
from segue.client.errors import NotStarted
from segue.config import Config
from segue.paths import Paths
from segue.runtime.lock import read_note, release_lock, take_lock, write_note
from segue.runtime.progress import STARTING

Sleeping = Callable[[Callable[[float], None]], None]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(Config(), tmp_path / "none.toml", tmp_path / "a.db", tmp_path / "a.sock", socket_explicit=True)


@pytest.fixture
def starter(paths: Paths) -> Iterator[None]:
    """Hold the locks of a process that starts the daemon and of the daemon."""
    locks = [take_lock(path, "a.db") for path in (Path(f"{paths.database}{start.LOCK_SUFFIX}"), paths.lock)]
    yield
    for lock in locks:
        release_lock(lock)


@pytest.fixture
def sleeping(monkeypatch: pytest.MonkeyPatch) -> Sleeping:
    """Call a function with the time at each sleep."""

    def install(at_sleep: Callable[[float], None]) -> None:
        now = [0.0]

        def sleep(seconds: float) -> None:
            now[0] += seconds
            at_sleep(now[0])

        monkeypatch.setattr(start, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))

    return install


@pytest.mark.usefixtures("starter")
def test_a_client_waits_for_a_migration_that_another_process_started_and_shows_its_steps(
    paths: Paths, sleeping: Sleeping
) -> None:
    shown: set[tuple[str, int, int | None]] = set()

    def at_sleep(now: float) -> None:
        shown.add((STARTING.step, STARTING.done, STARTING.total))
        if now > 4 * start.START_SECONDS:
            if listener.getsockname() == "":
                listener.bind(str(paths.socket))
                listener.listen()
            return
        write_note(paths.lock, f"+ {int(now)} 99 changing the schema")
        os.utime(paths.lock, ns=(int(now * 1e9), int(now * 1e9)))

    sleeping(at_sleep)
    with socket.socket(socket.AF_UNIX) as listener:
        start.start_daemon(paths).close()
    assert ("changing the schema", 3 * int(start.START_SECONDS), 99) in shown


@pytest.mark.usefixtures("starter")
@pytest.mark.parametrize("note", ["", "+ 1 9 changing the schema"])
def test_a_client_gives_up_when_the_migration_stands_still(paths: Paths, sleeping: Sleeping, note: str) -> None:
    times: list[float] = []
    sleeping(times.append)
    write_note(paths.lock, note)
    with pytest.raises(NotStarted, match="another process is still starting it"):
        start.start_daemon(paths)
    assert times[-1] <= start.START_SECONDS + 2 * start.POLL_SECONDS


def test_a_note_of_a_process_that_died_is_none(paths: Paths) -> None:
    lock = take_lock(paths.lock, "a.db")
    write_note(paths.lock, "+ 1 9 changing the schema")
    assert read_note(paths.lock)[0] == "+ 1 9 changing the schema"
    os.close(lock)
    assert read_note(paths.lock) == ("", 0)
