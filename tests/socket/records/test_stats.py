"""session.stats: groups, filters, borders of time, and what counts as a tool call."""

from typing import Any

import pytest

from segue.errors import InvalidParams
from tests.support.clock import DAY
from tests.support.inprocess import Server
from tests.support.wire import Wire

ZERO = {"messages": 0, "user_messages": 0, "tool_calls": 0, "input_tokens": 0, "output_tokens": 0, "sessions": 0}


def keys(wire: Wire, **params: Any) -> dict[str | None, int]:
    """Return the number of messages of each key."""
    return {row["key"]: row["messages"] for row in wire.call("session.stats", **params)["rows"]}


def test_an_empty_store_has_no_rows_and_zeros(wire: Wire) -> None:
    wire.call("session.create")
    assert wire.call("session.stats") == {"rows": [], "total": ZERO, "has_more": False}


def test_sessions_of_frameworks_do_not_count(wire: Wire) -> None:
    wire.call("session.create", id="s", metadata={"segue.kind": "store"})
    wire.call("message.append", session_id="s", role="user", content="x")
    assert wire.call("session.stats")["rows"] == []


def test_a_row_counts_sessions_messages_calls_and_tokens(wire: Wire) -> None:
    call = {"type": "tool_use", "id": "c", "name": "Bash", "input": {}}
    for id in ("a", "b"):
        wire.call("session.create", id=id)
        wire.call("message.append", session_id=id, role="user", content="x")
        wire.call(
            "message.append", session_id=id, role="assistant", content="x", parts=[call, call], input_tokens=5,
            output_tokens=7,
        )  # fmt: skip
    counts = {
        "sessions": 2, "messages": 4, "user_messages": 2, "tool_calls": 4, "input_tokens": 10, "output_tokens": 14
    }  # fmt: skip
    expected = {"rows": [{"key": "2026-11-21", **counts}], "total": counts, "has_more": False}
    assert wire.call("session.stats") == expected


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        ([{"type": "tool_use", "id": "c", "name": "Bash", "input": {}}], 1),
        ([{"tool_calls": [{"id": str(n), "function": {"name": "f", "arguments": "{}"}} for n in range(3)]}], 3),
        ([{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}], 1),
        ([{"type": "tool_result", "tool_use_id": "c", "content": "ok"}], 0),
        ([{"type": "function_call_output", "call_id": "c", "output": "ok"}], 0),
        ([{"type": "text", "text": "tool_use"}], 0),
        (None, 0),
    ],
)
def test_the_calls_of_each_provider_count_and_their_results_do_not(
    wire: Wire, parts: list[dict[str, Any]] | None, calls: int
) -> None:
    wire.call("message.append", working_dir="/a", role="assistant", content="x", parts=parts)
    assert wire.call("session.stats")["total"]["tool_calls"] == calls


def test_a_session_counts_in_each_day_that_has_a_message_of_it_and_once_in_total(wire: Wire) -> None:
    wire.call("session.create", id="a")
    for at in ("2026-11-19T23:59:59.999Z", "2026-11-20T00:00:00.000Z", "2026-11-20T12:00:00.000Z"):
        wire.call("message.append", session_id="a", role="user", content="x", created_at=at)
    found = wire.call("session.stats")
    assert [(row["key"], row["sessions"], row["messages"]) for row in found["rows"]] == [
        ("2026-11-19", 1, 1),
        ("2026-11-20", 1, 2),
    ]
    assert found["total"]["sessions"] == 1


def test_days_are_those_of_the_zone(wire: Wire) -> None:
    wire.call("session.create", id="a")
    for at in ("2026-10-24T21:59:59.999Z", "2026-10-24T22:00:00.000Z", "2026-10-25T22:59:59.999Z"):
        wire.call("message.append", session_id="a", role="user", content="x", created_at=at)
    assert keys(wire, tz="Europe/Berlin") == {"2026-10-24": 1, "2026-10-25": 2}
    assert keys(wire) == {"2026-10-24": 2, "2026-10-25": 1}
    assert keys(wire, tz="Asia/Tokyo") == {"2026-10-25": 2, "2026-10-26": 1}
    assert keys(wire, group_by="week", tz="Asia/Tokyo") == {"2026-W43": 2, "2026-W44": 1}
    assert keys(wire, group_by="month") == {"2026-10": 3}


def test_since_is_exclusive_and_until_inclusive(wire: Wire) -> None:
    wire.call("session.create", id="a")
    times = [f"2026-11-20T12:00:00.00{number}Z" for number in range(3)]
    for at in times:
        wire.call("message.append", session_id="a", role="user", content="x", created_at=at)
    for group in ("day", "model"):
        assert list(keys(wire, group_by=group, since=times[0], until=times[1]).values()) == [1]
        assert (
            keys(wire, group_by=group, since=times[2])
            == keys(wire, group_by=group, since=times[1], until=times[0])
            == {}
        )
        assert list(keys(wire, group_by=group, until=times[2]).values()) == [3]


def test_a_model_is_that_of_the_message_else_of_its_session(wire: Wire) -> None:
    wire.call("session.create", id="a", model="plain")
    wire.call("session.create", id="b")
    for session, model in (("a", None), ("a", "fast"), ("a", "fast"), ("b", None)):
        wire.call("message.append", session_id=session, role="user", content="x", model=model)
    found = wire.call("session.stats", group_by="model")["rows"]
    assert [(row["key"], row["messages"], row["sessions"]) for row in found] == [
        ("fast", 2, 1),
        ("plain", 1, 1),
        (None, 1, 1),
    ]


def test_a_tool_is_what_a_session_was_imported_from(wire: Wire) -> None:
    messages = [{"role": "user", "content": "x", "key": str(number)} for number in range(3)]
    source = {"tool": "claude", "id": "1"}
    wire.call("session.import", source=source, session={"project": "/p"}, messages=messages)
    wire.call("message.append", working_dir="/a", role="user", content="x")
    assert keys(wire, group_by="tool") == {"claude": 3, None: 1}
    assert keys(wire, group_by="project") == {"/p": 3, None: 1}
    assert keys(wire, group_by="tool", source="claude") == {"claude": 3}
    assert keys(wire, group_by="tool", source="") == {None: 1}
    assert keys(wire, group_by="tool", source="codex") == {}


def test_filters_are_those_of_a_list_but_archived_sessions_count(wire: Wire) -> None:
    for id, directory, project in (("a", "/a", "/p"), ("b", "/a/c", "/p"), ("c", "/a", None)):
        wire.call("session.create", id=id, working_dir=directory, project=project)
        wire.call("message.append", session_id=id, role="user", content="x")
    wire.call("session.update", session_id="a", archived=True)
    assert list(keys(wire, working_dir="//a/./").values()) == [2]
    assert list(keys(wire, project="/p").values()) == [2]
    assert list(keys(wire, working_dir="/a", project="/p").values()) == [1]
    assert keys(wire, working_dir="/none") == {}


def test_deleted_messages_and_sessions_do_not_count(wire: Wire) -> None:
    for id in ("a", "b"):
        wire.call("session.create", id=id)
        for _ in range(4):
            last = wire.call("message.append", session_id=id, role="user", content="x")["message_id"]
    wire.call("message.delete_before", session_id="b", before_id=last - 1)
    wire.call("session.delete", session_id="a")
    assert wire.call("session.stats")["total"] == {**ZERO, "sessions": 1, "messages": 2, "user_messages": 2}


def test_a_long_session_is_kept_in_figures_and_a_fork_of_it_counts_when_it_is_complete(
    server: Server, wire: Wire
) -> None:
    wire.call("session.create", id="a")
    for number in range(2):
        at = f"2026-11-{20 + number}T12:00:00.000Z"
        draft = {"role": "user", "content": "x", "created_at": at, "output_tokens": 1}
        wire.call("message.append_many", session_id="a", messages=[draft] * 1000)
    for expected in (1000, 2000):
        assert keys(wire) == {"2026-11-20": expected, "2026-11-21": expected}
        if expected == 1000:
            wire.call("session.fork", session_id="a")
    server.restart()
    assert keys(server.connect()) == {"2026-11-20": 2000, "2026-11-21": 2000}


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"tz": "Mars/Olympus"}, "$.tz"),
        ({"tz": "../../etc/passwd"}, "$.tz"),
        ({"tz": ""}, "$.tz"),
        ({"tz": "\x00"}, "$.tz"),
        ({"group_by": "year"}, "$.group_by"),
        ({"since": "2026-06-31T00:00:00.000Z"}, "$.since"),
        ({"until": "yesterday"}, "$.until"),
        ({"working_dir": "a"}, "$.working_dir"),
    ],
)
def test_wrong_parameters_are_named(wire: Wire, params: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("session.stats", **params)
    assert caught.value.data["path"] == path


def test_parameters_can_be_given_by_position(wire: Wire) -> None:
    wire.call("message.append", working_dir="/a", role="user", content="x")
    params = b'[null, null, "month", "/a", null, "", "UTC"]'
    line = b'{"jsonrpc": "2.0", "id": 1, "method": "session.stats", "params": %b}' % params
    assert [row["key"] for row in wire.ask(line)["result"]["rows"]] == ["2026-11"]


def test_a_message_after_the_newest_day_is_counted_when_the_clock_has_moved(server: Server, wire: Wire) -> None:
    wire.call("message.append", working_dir="/a", role="user", content="x")
    server.clock.jump(40 * DAY)
    wire.call("message.append", working_dir="/a", role="user", content="x")
    assert keys(wire, group_by="month") == {"2026-11": 1, "2026-12": 1}


def test_slow_statistics_have_a_connection_of_their_own_and_an_end(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.call("message.append", working_dir="/a", role="user", content="x")
    monkeypatch.setattr("segue.store.search.time_limit.PROGRESS_STEPS", 1)
    monkeypatch.setattr("segue.api.session_stats.QUICK_SECONDS", 0)
    assert keys(wire) == {"2026-11-21": 1}
    monkeypatch.setattr("segue.api.session_stats.SLOW_SECONDS", 0)
    with pytest.raises(InvalidParams, match="choose a shorter time"):
        wire.call("session.stats")
