"""`segue start`, `stop` and `restart`, and the commands that never start a daemon."""

from collections.abc import Iterator

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued


@pytest.fixture
def free(segued: Segued, unserved: Cli) -> Iterator[Cli]:
    """Yield a command line that may start daemons; stop the last one."""
    cli = unserved.given(SEGUE_NO_AUTOSTART="")
    yield cli
    cli.run("stop")


def pid(cli: Cli) -> int:
    return int(cli.ok("status", "--json").json["pid"])


def test_start_starts_a_daemon_once(free: Cli, segued: Segued) -> None:
    shown = free.ok("start").out
    first = pid(free)
    assert shown == f"segued serves {segued.database} at {segued.socket} (pid {first})\n"
    assert free.ok("start").out == shown.replace("serves", "already serves")
    assert free.ok("start", "--json").json["pid"] == first


def test_stop_waits_for_the_end_and_can_be_repeated(free: Cli, segued: Segued) -> None:
    free.ok("start")
    assert free.ok("stop").out == "segued stopped\n"
    assert not segued.socket.exists()
    assert free.ok("stop").out == "segued is not running\n"


def test_restart_replaces_the_daemon_and_keeps_the_messages(free: Cli) -> None:
    free.ok("add", "hello")
    first = pid(free)
    assert free.ok("restart").out.startswith("segued serves ")
    assert pid(free) != first
    assert "hello" in free.ok("show").out
    free.ok("stop")
    free.ok("restart")
    assert pid(free) != first


def test_ping_and_status_start_nothing(free: Cli, segued: Segued) -> None:
    for command in ("ping", "status"):
        outcome = free.run(command)
        assert (outcome.code, outcome.out) == (4, "")
    assert not segued.database.exists()


def test_a_socket_without_a_database_never_starts_a_daemon(free: Cli, segued: Segued) -> None:
    forwarded = segued.folder / "forwarded.sock"
    for cli, options in (
        (free.given(SEGUE_DATABASE="", SEGUE_SOCKET=str(forwarded)), []),
        (free.given(SEGUE_DATABASE="", SEGUE_SOCKET=""), ["--socket", str(forwarded)]),
    ):
        outcome = cli.run(*options, "list")
        assert (outcome.code, outcome.out) == (4, "")
        assert str(forwarded) in outcome.err
    assert not forwarded.exists()
