"""Sessions that cleanup is about to delete: `segue list --expiring`, and the warnings before it happens."""

import re
import sqlite3
from contextlib import closing

import pytest

from segue.timestamps import timestamp, wall_ms
from tests.process.command_line import Cli
from tests.support.clock import DAY
from tests.support.process import Segued

STYLE = re.compile(r"\x1b\[[0-9;]*m")
WARNING = "2 sessions expire within 3 days; `segue list --expiring` shows them, `segue pin ID` keeps one\n"


@pytest.fixture
def sessions(segue: Cli, segued: Segued) -> list[str]:
    """Return two sessions that expire, the next first; five others never do or later."""
    wire = segued.connect()

    def create(days: float, **more: object) -> str:
        created_at = timestamp(wall_ms() - round(days * DAY))
        found: str = wire.call("session.create", working_dir=str(segue.directory), created_at=created_at, **more)["id"]
        return found

    expiring = [create(28.5, name="old", id="second"), create(9.5, retention_days=10, name="own", id="first")]
    create(26.5)
    create(29, pinned=True)
    wire.call("session.update", session_id=create(29, retention_days=0), archived=True)
    source = {"tool": "claude", "id": "x"}
    wire.call("session.import", source=source, session={"created_at": timestamp(wall_ms() - 29 * DAY)})
    return expiring[::-1]


def test_the_sessions_that_expire_are_listed_the_next_first(segue: Cli, sessions: list[str]) -> None:
    assert [row[0] for row in segue.ok("list", "--expiring").rows] == sessions
    found = segue.ok("list", "--expiring", "--here", "-n", "1", "--json").json
    assert ([one["id"] for one in found["sessions"]], found["total"]) == (sessions[:1], 2)
    assert segue.ok("list", "--expiring", "--dir", "/").out == ""
    lines = STYLE.sub("", segue.shown("list", "--expiring", columns=40)).splitlines()
    assert [line.split() for line in lines] == [
        ["name", "id", "expires"],
        ["own", "first", "in", "1d"],
        ["old", "second", "in", "2d"],
    ]
    segue.ok("pin", *sessions)
    assert segue.shown("list", "--expiring") == "segue: no session expires within 3 days\n"


def test_list_and_status_warn_of_them(segue: Cli, sessions: list[str]) -> None:
    assert segue.shown("list").endswith(f"segue: {WARNING}")
    assert segue.ok("list").out.count("\n") == 5
    assert segue.ok("status").out.splitlines()[-1].split(maxsplit=1) == ["expiring", WARNING.strip()]
    segue.ok("pin", *sessions)
    assert "expire" not in segue.shown("list") + segue.ok("status").out


def test_a_dry_run_on_a_stopped_daemon_deletes_nothing(segue: Cli, segued: Segued, sessions: list[str]) -> None:
    segued.stop()
    with closing(sqlite3.connect(segued.database)) as connection, connection:
        connection.execute("UPDATE sessions SET last_message_at = '2020-01-01T00:00:00.000Z' WHERE id = 'first'")
    starting = segue.given(SEGUE_NO_AUTOSTART="")
    out = "1 session would be deleted: 1 by age, 0 above the maximum\n"
    assert starting.ok("cleanup", "--dry-run").out == f"first\n{out}"
    assert STYLE.sub("", starting.shown("cleanup", "--dry-run")).splitlines()[1].split()[:2] == ["own", "first"]
    assert len(starting.ok("list", "--all").rows) == 5
    starting.ok("stop")


def test_sessions_that_wait_for_a_cleanup_are_reported(segue: Cli, segued: Segued) -> None:
    segued.stop()
    with closing(sqlite3.connect(segued.database)) as connection, connection:
        state = '{"waiting":25,"lives":1,"activities":[1]}'
        connection.execute("INSERT OR REPLACE INTO daemon_state (name, value) VALUES ('cleanup.state', ?)", (state,))
    segued.start()
    text = (
        "25 sessions have expired, more than half of all; `segue cleanup --dry-run` shows them, "
        "`segue cleanup` deletes them"
    )
    assert segue.run("list") == (0, "", f"segue: {text}\n")
    assert f"; {text}\n" in segue.ok("status").out
    assert segue.shown("new").endswith(f"\nsegue: {text}\n")
    assert segue.ok("bot", "list").out == "default\tdefault\t\n"
    segue.ok("cleanup")
    assert segue.ok("list").err == ""
