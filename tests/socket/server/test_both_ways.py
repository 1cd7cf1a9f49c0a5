"""An append that is begun when it arrives gives the same response and row as one that the connection's task handles.

A line that arrives by itself, after the first of its connection, is begun when it arrives. The task handles it if it
comes behind a blank line.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from segue.config import Config, Limits
from segue.errors import Overloaded
from segue.jsonrpc.dispatcher import Dispatcher
from segue.store.engine.write_queue import WriteQueue
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire

MESSAGE = '"session_id":"s","role":"user","content":"hello"'


def envelope(params: str, rest: str = '"id":1') -> str:
    return f'{{"jsonrpc":"2.0","method":"message.append","params":{params},{rest}}}'


BEGUN = {
    "plain": envelope(f"{{{MESSAGE}}}"),
    "spaces": f'  {{ "id" : 1 , "params" : {{{MESSAGE}}} ,"method":"message.append", "jsonrpc":"2.0" }} ',
    "escaped names": envelope(f"{{{MESSAGE}}}").replace("method", "\\u006dethod"),
    "repeated members": envelope(f'{{{MESSAGE},"role":"tool","role":"assistant"}}', '"id":1,"id":2'),
    "empty id": envelope(f"{{{MESSAGE}}}", '"id":""'),
    "id with escapes": envelope(f"{{{MESSAGE}}}", '"id":"\\u00e9\\ud83d\\ude00\\n"'),
    "null id": envelope(f"{{{MESSAGE}}}", '"id":null'),
    "float id": envelope(f"{{{MESSAGE}}}", '"id":1.50'),
    "exponent id": envelope(f"{{{MESSAGE}}}", '"id":1e3'),
    "negative id": envelope(f"{{{MESSAGE}}}", '"id":-0'),
    "large id": envelope(f"{{{MESSAGE}}}", f'"id":{2**64 + 1}'),
    "by directory": envelope('{"working_dir":"/work//x/","role":"user","content":"there"}'),
    "by project": envelope(
        '{"working_dir":"/work/x","project":"/work","scope":"project","terminal":"t","role":"user","content":"there"}'
    ),
    "parts": envelope('{"session_id":"s","role":"tool","parts":[{"type":"text","text":"a"}],"metadata":{"n":1.0}}'),
    "parts as content": envelope('{"session_id":"s","role":"developer","content":[{"type":"text","text":"a"}]}'),
    "nulls": envelope(f'{{{MESSAGE},"parts":null,"model":null,"key":null,"token_count":null}}'),
    "numbers": envelope(f'{{{MESSAGE},"input_tokens":9007199254740993,"response_ms":0}}'),
    "with key": envelope(f'{{{MESSAGE},"key":"k"}}'),
    "the same key": envelope(f'{{{MESSAGE},"key":"k"}}'),
    "a summary": envelope('{"session_id":"s","role":"system","content":"sum","is_summary":true}'),
    "not indexed": envelope(f'{{{MESSAGE},"indexed":false,"created_at":"2026-11-21T14:00:00.000Z"}}'),
    "no session": envelope('{"session_id":"none","role":"user","content":"x"}'),
    "another message for the key": envelope('{"session_id":"s","role":"user","content":"x","key":"k"}'),
    "another last message": envelope(f'{{{MESSAGE},"expected_last_id":0}}'),
    "no such bot": envelope('{"working_dir":"/w","bot_id":"none","role":"user","content":"x"}'),
    "a late time": envelope(f'{{{MESSAGE},"created_at":"2099-01-01T00:00:00.000Z"}}'),
}
"""Lines that are begun when they arrive; the store refuses the last ones."""

LEFT = {
    "null for an option": envelope(f'{{{MESSAGE},"is_summary":null,"on_key":null}}'),
    "integral float": envelope(f'{{{MESSAGE},"input_tokens":3.0}}'),
    "lone surrogate": envelope('{"session_id":"s","role":"user","content":"\\ud800"}'),
    "by position": envelope('["s",null,"user","hello"]'),
    "create": envelope('{"session_id":"new","role":"user","content":"x","create":{"name":"n"}}'),
    "other members": envelope(f"{{{MESSAGE}}}", '"id":1,"extra":{}'),
    "no params": envelope("null"),
    "no role": envelope('{"session_id":"s","content":"x"}'),
    "no content": envelope('{"session_id":"s","role":"user"}'),
    "a wrong role": envelope('{"session_id":"s","role":"nobody","content":"x"}'),
    "an unknown param": envelope(f'{{{MESSAGE},"colour":"red"}}'),
    "a number as text": envelope(f'{{{MESSAGE},"input_tokens":"3"}}'),
    "a negative number": envelope(f'{{{MESSAGE},"input_tokens":-1}}'),
    "two targets": envelope(f'{{{MESSAGE},"working_dir":"/w"}}'),
    "bot without directory": envelope(f'{{{MESSAGE},"bot_id":"default"}}'),
    "a relative directory": envelope('{"working_dir":"w","role":"user","content":"x"}'),
    "a summary of a user": envelope(f'{{{MESSAGE},"is_summary":true}}'),
    "no such day": envelope(f'{{{MESSAGE},"created_at":"2026-02-30T00:00:00.000Z"}}'),
    "deep metadata": envelope(f'{{{MESSAGE},"metadata":{{"a":{"[" * 300}{"]" * 300}}}}}'),
    "too large": envelope('{"session_id":"s","role":"user","content":"' + "x" * 5000 + '"}'),
    "boolean id": envelope(f"{{{MESSAGE}}}", '"id":true'),
    "version 1": envelope(f"{{{MESSAGE}}}").replace('"2.0"', '"1.0"'),
    "another method": envelope(f"{{{MESSAGE}}}").replace(".append", ".appends"),
    "no JSON": envelope(f"{{{MESSAGE}}}")[:-1],
    "two values": envelope(f"{{{MESSAGE}}}") + " {}",
    "batch": f"[{envelope(f'{{{MESSAGE}}}')}]",
}
"""Lines that are left to the connection's task."""


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(content_bytes=4096))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that says of each line that arrived by itself whether it was begun."""
    found: list[bool] = []
    begin = Dispatcher.begin

    def note(self: Dispatcher, *args: Any) -> bool:
        found.append(begin(self, *args))
        return found[-1]

    monkeypatch.setattr(Dispatcher, "begin", note)
    return found


class Run(NamedTuple):
    """What became of all lines that arrived in one way."""

    answers: dict[str, Any]
    begun: dict[str, list[bool]]
    stored: Any


def run(server: Server, begun: list[bool], before: bytes) -> Run:
    """Send all lines behind the same bytes to an empty database."""
    wire = server.connect()
    wire.call("session.create", id="s")
    answers, ways = {}, {}
    for name, line in {**BEGUN, **LEFT}.items():
        begun.clear()
        answers[name] = wire.ask(before + line.encode())
        ways[name] = list(begun)
    messages = wire.call("message.list")["messages"]
    sessions = [wire.call("session.get", session_id=one["id"]) for one in wire.call("session.list")["sessions"]]
    status = wire.call("daemon.status")
    return Run(answers, ways, (messages, sessions, status["errors_by_kind"], status["requests"]))


@pytest.fixture
def runs(server: Server, begun: list[bool]) -> tuple[Run, Run]:
    """Run all lines in both ways: those that arrive alone, and those behind a blank line."""
    alone = run(server, begun, b"")
    server.stop()
    server.database.unlink()
    server.start()
    return alone, run(server, begun, b"\n")


def test_both_ways_give_the_same_responses_rows_and_counts(runs: tuple[Run, Run]) -> None:
    alone, behind = runs
    assert alone.answers == behind.answers
    assert alone.stored == behind.stored
    assert [name for name in BEGUN if "error" in alone.answers[name]] == list(BEGUN)[-5:]
    assert [name for name in LEFT if "result" in alone.answers[name]] == list(LEFT)[:6]


def test_plain_requests_are_begun_when_they_arrive_and_no_others(runs: tuple[Run, Run]) -> None:
    alone, behind = runs
    assert alone.begun == {name: [name in BEGUN] for name in [*BEGUN, *LEFT]}
    assert not any(any(ways) for ways in behind.begun.values())


PLAIN = BEGUN["plain"].encode() + b"\n"


@pytest.fixture
def ready(wire: Wire) -> Wire:
    """Return a connection with a session, the next line of which may be begun."""
    wire.call("session.create", id="s")
    return wire


@pytest.fixture
def writer(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Return an event without which no commit begins."""
    released = threading.Event()
    commit = WriteQueue._commit

    def wait(self: WriteQueue, *args: Any) -> Any:
        assert released.wait(TIMEOUT_SECONDS)
        return commit(self, *args)

    monkeypatch.setattr(WriteQueue, "_commit", wait)
    yield released
    released.set()


def message_count(wire: Wire) -> int:
    count: int = wire.call("message.count", session_id="s")["count"]
    return count


def test_requests_behind_a_begun_one_are_answered_after_it(
    ready: Wire, begun: list[bool], writer: threading.Event
) -> None:
    ready.send(PLAIN)
    wait_until(lambda: begun == [True])
    ready.send(b'{"jsonrpc":"2.0","id":"next","method":"daemon.ping"}\n' + PLAIN)
    writer.set()
    assert [ready.answer()["id"] for _ in range(3)] == [1, "next", 1]
    assert begun == [True]
    assert message_count(ready) == 2


@pytest.mark.parametrize("closes", [Wire.half_close, Wire.close])
def test_a_client_that_leaves_behind_a_begun_request_has_it_stored(
    server: Server, ready: Wire, begun: list[bool], writer: threading.Event, closes: Callable[[Wire], None]
) -> None:
    ready.send(PLAIN)
    wait_until(lambda: begun == [True])
    closes(ready)
    writer.set()
    if closes is Wire.half_close:
        assert ready.answer()["result"]["message_id"] == 1
        assert ready.line() is None
    other = server.connect()
    wait_until(lambda: message_count(other) == 1)
    wait_until(lambda: other.call("daemon.status")["clients"] == 1 + (closes is Wire.half_close) * 0)


def test_a_shutdown_answers_a_begun_request(
    server: Server, ready: Wire, begun: list[bool], writer: threading.Event
) -> None:
    ready.send(PLAIN)
    wait_until(lambda: begun == [True])
    server.begin_stop()
    writer.set()
    assert ready.answer()["result"]["message_id"] == 1
    assert ready.line() is None


def test_a_client_that_reads_late_gets_the_responses_of_begun_requests_in_order(
    server: Server, ready: Wire, begun: list[bool]
) -> None:
    other, watcher = server.connect(), server.connect()
    ids = [f"{number:02}" + "x" * 50_000 for number in range(12)]

    def send() -> None:  # On a thread of its own, because the daemon reads nothing while its response does not fit.
        for number, id in enumerate(ids):
            if number <= 3:
                wait_for_messages(number)
            ready.send(envelope(f"{{{MESSAGE}}}", f'"id":"{id}"').encode() + b"\n")

    def wait_for_messages(count: int) -> None:
        wait_until(lambda: message_count(watcher) >= count)

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(lambda: message_count(other) >= 3)
    assert [ready.answer()["id"] for _ in ids] == ids
    sender.join()
    assert True in begun  # The kernel may cut a line in two.


def test_a_full_queue_refuses_a_request_like_any_other(
    ready: Wire, begun: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: WriteQueue, *args: Any, **kwargs: Any) -> None:
        raise Overloaded("too many writes are waiting; try again")

    monkeypatch.setattr(WriteQueue, "submit", refuse)
    refused = [ready.ask(before + PLAIN[:-1]) for before in (b"", b"\n")]
    assert refused[0] == refused[1]
    assert refused[0]["error"]["data"]["kind"] == "overloaded"
