"""The continue rule: which session a directory continues."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from segue.config import Config, SessionConfig
from segue.errors import NotFound
from tests.support.clock import DAY, HOUR, SECOND
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire

HERE = "/home/ada/project"


def say(wire: Wire, text: str = "hello", **where: object) -> str:
    """Store a user's message and return the id of its session."""
    found: str = wire.call("message.append", **(where or {"working_dir": HERE}), role="user", content=text)[
        "session_id"
    ]
    return found


def test_a_directory_without_sessions_gets_a_new_one_and_says_none(wire: Wire) -> None:
    resolution = wire.call("session.resolve", working_dir=HERE, name="mine", provider="p", model="m", system_prompt="s")
    session = resolution.pop("session")
    assert resolution == {"resumed": False, "reason": "none", "idle_seconds": None, "previous": None, "others": 0}
    assert (session["working_dir"], session["bot_id"], session["status"]) == (HERE, "default", "active")
    assert [session[member] for member in ("name", "provider", "model", "system_prompt")] == ["mine", "p", "m", "s"]


@pytest.mark.parametrize(("idle_ms", "resumed"), [(4 * HOUR - 1, True), (4 * HOUR, False), (4 * HOUR + 1, False)])
def test_a_session_is_continued_while_its_last_message_is_less_than_four_hours_old(
    server: Server, wire: Wire, idle_ms: int, resumed: bool
) -> None:
    first = say(wire)
    server.clock.pass_time(idle_ms)
    resolution = wire.call("session.resolve", working_dir=HERE)
    assert resolution["resumed"] is resumed
    assert (resolution["session"]["id"] == first) is resumed
    assert resolution["reason"] == ("recent" if resumed else "expired")
    assert resolution["previous"] == (None if resumed else first)
    assert resolution["idle_seconds"] == idle_ms // SECOND


def test_the_four_hours_count_across_a_restart(server: Server, wire: Wire) -> None:
    first = say(wire)
    server.clock.pass_time(4 * HOUR - 1)
    server.restart()
    assert server.connect().call("session.resolve", working_dir=HERE)["session"]["id"] == first
    server.clock.pass_time(1)
    server.restart()
    assert server.connect().call("session.resolve", working_dir=HERE)["resumed"] is False


def test_a_clock_a_year_ahead_and_back_again_loses_no_conversation(server: Server, wire: Wire) -> None:
    first = say(wire)
    server.clock.jump(365 * DAY)
    ahead = wire.call("session.resolve", working_dir=HERE)
    assert ahead["reason"] == "expired"
    server.clock.jump(-365 * DAY)
    back = wire.call("session.resolve", working_dir=HERE)
    assert back["session"]["id"] == ahead["session"]["id"], "the newest by order of use, from the future or not"
    assert back["idle_seconds"] == 0
    say(wire, session_id=first)
    assert wire.call("session.resolve", working_dir=HERE)["session"]["id"] == first


def test_what_was_used_last_is_continued_not_what_was_made_last(server: Server, wire: Wire) -> None:
    old, _new = (wire.call("session.create", working_dir=HERE)["id"] for _ in range(2))
    say(wire, session_id=old)
    assert wire.call("session.resolve", working_dir=HERE)["session"]["id"] == old


def test_a_completed_session_is_not_continued_and_the_answer_says_ended(server: Server, wire: Wire) -> None:
    first = say(wire)
    wire.call("session.end", session_id=first)
    server.clock.pass_time(5 * SECOND)
    resolution = wire.call("session.resolve", working_dir=HERE, create=False)
    assert resolution == {
        "session": None, "resumed": False, "reason": "ended", "idle_seconds": 5, "previous": first, "others": 0
    }  # fmt: skip


def test_an_open_session_behind_a_completed_one_is_continued(wire: Wire) -> None:
    open_one = say(wire)
    newer = wire.call("session.create", working_dir=HERE)["id"]
    wire.call("session.end", session_id=newer)
    resolution = wire.call("session.resolve", working_dir=HERE)
    assert (resolution["session"]["id"], resolution["reason"]) == (open_one, "recent")


def test_a_crashed_session_is_continued_and_becomes_active(wire: Wire) -> None:
    first = say(wire)
    assert wire.call("session.end", session_id=first, status="crashed")["ended_at"]
    session = wire.call("session.resolve", working_dir=HERE)["session"]
    assert (session["id"], session["status"], session["ended_at"]) == (first, "active", None)


def test_looking_without_creating_makes_nothing(wire: Wire) -> None:
    resolution = wire.call("session.resolve", working_dir=HERE, create=False)
    assert (resolution["session"], resolution["reason"]) == (None, "none")
    assert wire.call("session.list")["total"] == 0


def test_resolving_changes_no_time_and_keeps_what_the_session_has(server: Server, wire: Wire) -> None:
    made = wire.call("session.resolve", working_dir=HERE, model="first")["session"]
    server.clock.pass_time(HOUR)
    assert wire.call("session.resolve", working_dir=HERE, model="second")["session"] == made


def test_an_unknown_bot_is_not_found(wire: Wire) -> None:
    with pytest.raises(NotFound) as caught:
        wire.call("session.resolve", working_dir=HERE, bot_id="nobody")
    assert caught.value.data == {"what": "bot", "id": "nobody"}


@pytest.mark.parametrize(
    "path", ["//home//ada/./project/", "/home/ada/x/../project", HERE + "/", "///home/ada/project"]
)
def test_a_directory_is_the_same_however_it_is_written(wire: Wire, path: str) -> None:
    assert say(wire) == wire.call("session.resolve", working_dir=path)["session"]["id"]


def test_an_append_to_a_directory_continues_like_resolve_and_says_so(server: Server, wire: Wire) -> None:
    first = wire.call("message.append", working_dir=HERE, role="user", content="one")
    second = wire.call("message.append", working_dir=HERE, role="assistant", content="two")
    assert (first["resumed"], second["resumed"]) == (False, True)
    assert first["session_id"] == second["session_id"]
    server.clock.pass_time(4 * HOUR)
    third = wire.call("message.append", working_dir=HERE, role="user", content="three")
    assert (third["resumed"], third["session_id"] == first["session_id"]) == (False, False)


def test_two_hundred_concurrent_calls_over_fifty_connections_give_one_session(server: Server) -> None:
    together = Barrier(50, timeout=TIMEOUT_SECONDS)

    def four_times(_: int) -> list[str]:
        with Wire(server.socket) as wire:
            together.wait()
            ids = [wire.post("session.resolve", working_dir=HERE) for _ in range(4)]
            return [wire.answer()["result"]["session"]["id"] for _ in ids]

    with ThreadPoolExecutor(50) as pool:
        found = {id for ids in pool.map(four_times, range(50)) for id in ids}
    assert len(found) == 1
    assert server.connect().call("session.list")["total"] == 1


class TestWithOneHour:
    @pytest.fixture
    def config(self) -> Config:
        return Config(session=SessionConfig(continuity_hours=1))

    def test_the_span_is_a_setting(self, server: Server, wire: Wire) -> None:
        first = say(wire)
        server.clock.pass_time(HOUR - 1)
        assert wire.call("session.resolve", working_dir=HERE)["session"]["id"] == first
        server.clock.pass_time(1)
        assert wire.call("session.resolve", working_dir=HERE)["resumed"] is False


def test_a_session_that_a_terminal_creates_or_resumes_is_left_to_it(wire: Wire) -> None:
    def continued(terminal: str | None) -> str | None:
        more = {"terminal": terminal} if terminal else {}
        session = wire.call("session.resolve", working_dir="/p", create=False, **more)["session"]
        return str(session["id"]) if session else None

    wire.call("session.create", id="older", working_dir="/p", terminal="a")
    wire.call("session.create", id="newer", working_dir="/p", terminal="a")
    assert [continued(terminal) for terminal in ("a", "b")] == ["newer", None]
    wire.call("session.resume", session_id="older", terminal="b")
    assert [continued(terminal) for terminal in ("a", "b", "c", None)] == ["newer", "older", None, "older"]
    shown = [
        wire.call("session.prompt", working_dir="/p", format="{id}", shell="plain", terminal=terminal)
        for terminal in ("a", "b", "c")
    ]
    assert shown == ["newer", "older", ""]


def test_a_resumed_session_moves_into_a_project_and_out_of_it(wire: Wire) -> None:
    def continued() -> str | None:
        found = wire.call("session.resolve", working_dir="/p/sub", project="/p", scope="project", create=False)
        return str(found["session"]["id"]) if found["session"] else None

    wire.call("session.create", id="s", working_dir="/elsewhere")
    assert continued() is None
    assert wire.call("session.resume", session_id="s", project="/p")["working_dir"] == "/elsewhere"
    assert continued() == "s"
    wire.call("session.resume", session_id="s", working_dir="/x")
    assert continued() == "s"
    assert wire.call("session.resume", session_id="s", project=None)["project"] is None
    assert continued() is None
