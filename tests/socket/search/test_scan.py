"""Match "substring" and "regex": scans, newest first, for a limited time."""

import json
import resource
import signal
import subprocess
import sys
from typing import Any

import pytest

from segue.errors import InvalidParams
from segue.store.search import regex_worker, scan
from tests.socket.search.calls import append
from tests.support.deadline import seconds_of, shortest
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire


def find(wire: Wire, query: str, match: str, **more: Any) -> list[int]:
    page = wire.call("message.search", query=query, match=match, **more)
    return [hit["message_id"] for hit in page["hits"]]


def test_a_substring_is_found_inside_of_words_and_parts(wire: Wire, session: str) -> None:
    one = append(wire, session, "superUSER access")
    two = append(wire, session, "nothing", parts=[{"input": {"cmd": "useradd -m", "port": 84437}}])
    append(wire, session, "something else")
    page = wire.call("message.search", query="user", match="substring")
    assert [hit["message_id"] for hit in page["hits"]] == [two, one]
    assert [hit["snippet"] for hit in page["hits"]] == ["\ue000user\ue001add -m", "super\ue000USER\ue001 access"]
    assert [hit["matched"] for hit in page["hits"]] == [["user"], ["user"]]
    assert (page["total"], page["next_cursor"], page["sessions"], page["suggestions"]) == (2, None, [], [])
    assert find(wire, "user", "substring", order="oldest") == [one, two]
    assert find(wire, "d -m", "substring") == find(wire, "4437", "substring") == [two]
    assert find(wire, "xyz", "substring") == []


def test_a_regular_expression_is_found(wire: Wire, session: str) -> None:
    one = append(wire, session, "error E1234 and E99 here")
    two = append(wire, session, "fine", parts=[{"text": "E77"}])
    append(wire, session, "E and e55")
    page = wire.call("message.search", query=r"E\d+", match="regex")
    assert [hit["message_id"] for hit in page["hits"]] == [two, one]
    assert page["hits"][1]["snippet"] == "error \ue000E1234\ue001 and \ue000E99\ue001 here"
    assert page["hits"][1]["matched"] == ["E1234", "E99"]
    assert find(wire, "^fine$", "regex") == [two]
    assert len(find(wire, "(?i)e", "regex")) == 3


def test_filters_hold_and_deleted_messages_are_not_found(wire: Wire, session: str) -> None:
    wire.call("session.create", id="other", working_dir="/b", name="n")
    one, two = append(wire, session, "zebra"), append(wire, "other", "zebra", role="assistant")
    for match in ("substring", "regex"):
        assert find(wire, "ebr", match) == [two, one]
        assert find(wire, "ebr", match, working_dir="/b") == find(wire, "ebr", match, role="assistant") == [two]
        assert find(wire, "ebr", match, session_id=session, source="", tags=[]) == [one]
        assert find(wire, "ebr", match, tags=["x"]) == find(wire, "ebr", match, project="/p") == []
    wire.call("session.delete", session_id="other")
    assert find(wire, "ebr", "substring") == find(wire, "ebr", "regex") == [one]


@pytest.mark.parametrize("match", ["substring", "regex"])
def test_a_cursor_leads_through_all_matches(wire: Wire, session: str, match: str) -> None:
    many = [{"role": "user", "content": f"zebra {index}"} for index in range(450)]
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    for order in ("newest", "oldest"):
        found: list[int] = []
        cursor = None
        while True:
            page = wire.call("message.search", query="ebra", match=match, limit=200, cursor=cursor, order=order)
            found += [hit["message_id"] for hit in page["hits"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == (made if order == "oldest" else made[::-1])


@pytest.mark.parametrize("match", ["substring", "regex"])
def test_a_scan_that_takes_too_long_continues_by_its_cursor(
    wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch, match: str
) -> None:
    monkeypatch.setattr(scan, "SECONDS", 0)
    monkeypatch.setattr(scan, "BATCH_MESSAGES", 1)
    made = [append(wire, session, "zebra") for _ in range(3)]
    found, cursor = [], None
    for _ in made:
        page = wire.call("message.search", query="ebra", match=match, cursor=cursor)
        found.append([hit["message_id"] for hit in page["hits"]])
        cursor = page["next_cursor"]
    assert found == [[id] for id in reversed(made)]
    assert cursor is None


def test_a_pattern_that_never_ends_is_refused_after_a_second(server: Server, wire: Wire, session: str) -> None:
    append(wire, session, "a" * 40 + "!")

    def ping_beside_it() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        wire.post("message.search", query="(a+)+$", match="regex")
        pinged = seconds_of(lambda: other.call("daemon.ping"))
        answer = wire.answer()
        assert answer["error"]["data"]["path"] == "$.query"
        assert "takes longer than 1 s" in answer["error"]["message"]
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2
        return pinged

    with server.connect() as other:
        assert shortest(ping_beside_it, 1) < 1, "other clients do not wait"


@pytest.mark.long
def test_the_process_of_a_pattern_that_never_ends_outlives_no_killed_daemon() -> None:
    command = [sys.executable, "-I", "-S", regex_worker.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(["(a+)+$", [["a" * 40 + "!"]]]) + "\n")
        worker.stdin.close()
        assert worker.wait(TIMEOUT_SECONDS) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("query", "match"), [("ab", "substring"), ("(", "regex"), ("", "regex"), ("a" * 1001, "regex")]
)
def test_a_wrong_query_is_refused(wire: Wire, query: str, match: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.search", query=query, match=match)
    assert caught.value.data["path"] == "$.query"
