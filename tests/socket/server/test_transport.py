"""Request lines over a real socket: cut anywhere, too long, without an end, or of another protocol."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segue.config import Config, Limits
from tests.socket.server.lines import MIB, PING, PONG, appends, contents, send_meanwhile
from tests.support.answers import failed, wordless
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire


def padded(length: int) -> bytes:
    """Return a ping of this many bytes."""
    start = PING[:-1] + b',"pad":"'
    return start + b"x" * (length - len(start) - 2) + b'"}'


def finish(wire: Wire) -> list[Any]:
    """Half-close and return the responses, errors without their messages."""
    wire.half_close()
    return [wordless(answer) for answer in wire.rest()]


def test_a_silent_client_receives_nothing(wire: Wire) -> None:
    assert finish(wire) == []


@pytest.mark.parametrize("sent", [b"", b"\n", b"\r\n\r\n", b" \t \n\n", b"\n\n\n "], ids=repr)
def test_blank_lines_are_ignored(wire: Wire, sent: bytes) -> None:
    wire.send(sent)
    assert finish(wire) == []


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        (PING, 1),
        (PING + b"\n", 1),
        (PING + b"\r\n", 1),
        (PING + b"\r", 1),
        (b"\n\r\n " + PING + b" \n\n", 1),
        (PING + b"\n" + PING, 2),
        (PING + b"\n" + PING + b"\n", 2),
        (PING + b"\r\n\r\n" + PING + b"\r\n", 2),
        ((PING + b"\n") * 100 + PING, 101),
    ],
    ids=lambda sent: repr(sent)[-30:],
)
def test_requests_before_a_half_close_are_answered(wire: Wire, sent: bytes, count: int) -> None:
    wire.send(sent)
    assert finish(wire) == [PONG] * count


def test_two_requests_in_one_segment_are_answered_without_a_half_close(wire: Wire) -> None:
    wire.send(PING + b"\n" + PING + b"\n")
    assert [wire.answer(), wire.answer()] == [PONG, PONG]


def test_a_request_may_come_one_byte_at_a_time(server: Server, wire: Wire) -> None:
    other = server.connect()
    for index in range(len(PING)):
        wire.send(PING[index : index + 1])
        assert other.ask(PING) == PONG  # So the server has read the byte alone.
    wire.send(b"\n")
    assert wire.answer() == PONG


def test_a_request_may_be_cut_inside_a_character(server: Server, wire: Wire) -> None:
    other = server.connect()
    session = wire.call("session.create")["id"]
    line = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "message.append",
            "params": {"session_id": session, "role": "user", "content": "é😀"},
        },
        ensure_ascii=False,
    ).encode()
    cut = line.index("😀".encode()) + 2
    wire.send(line[:cut])
    assert other.ask(PING) == PONG
    wire.send(line[cut:] + b"\n")
    assert "result" in wire.answer()
    assert contents(wire, session) == ["é😀"]


class TestShortLines:
    LIMIT = 1000

    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(request_bytes=self.LIMIT))

    @pytest.mark.parametrize(("length", "answer"), [(999, PONG), (1000, PONG), (1001, failed(-32004))])
    @pytest.mark.parametrize("end", [b"\n", b""])
    def test_a_line_may_be_as_long_as_the_limit(self, wire: Wire, length: int, answer: Any, end: bytes) -> None:
        assert len(padded(length)) == length
        wire.send(padded(length) + end)
        assert finish(wire) == [answer]

    def test_a_longer_line_is_answered_once_before_its_end(self, wire: Wire) -> None:
        wire.send(b"x" * (self.LIMIT + 1))
        answer = wire.answer()
        assert (answer["id"], answer["error"]["code"]) == (None, -32004)
        assert answer["error"]["data"] == {"kind": "too_large", "limit": self.LIMIT}
        wire.send(b"y" * 100_000 + b"\n" + PING + b"\n")
        assert wire.answer() == PONG
        assert finish(wire) == []

    def test_a_line_without_an_end_is_answered_once(self, wire: Wire) -> None:
        wire.send(b"x" * 300_000)
        assert finish(wire) == [failed(-32004)]

    def test_each_line_is_answered_in_order(self, wire: Wire) -> None:
        wire.send(PING + b"\n" + padded(1001) + b"\n" + PING + b"\n" + padded(2000) + b"\n")
        assert finish(wire) == [PONG, failed(-32004), PONG, failed(-32004)]

    def test_a_batch_is_a_line_too(self, wire: Wire) -> None:
        wire.send(b"[" + b",".join([PING] * 30) + b"]\n" + b"[" + PING + b"]\n")
        assert finish(wire) == [failed(-32004), [PONG]]


def test_a_line_of_17_mebibytes_is_refused_and_the_connection_stays_usable(wire: Wire) -> None:
    wire.send(b'"' + b"x" * (17 * MIB) + b'"\n')
    assert wire.answer()["error"]["data"] == {"kind": "too_large", "limit": 16 * MIB}
    assert wire.ask(PING) == PONG


def test_a_line_of_16_mebibytes_is_executed(wire: Wire) -> None:
    assert wire.ask(padded(16 * MIB)) == PONG


@pytest.mark.parametrize(
    ("sent", "count"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n", 3),
        (b"POST /rpc HTTP/1.1\r\nContent-Length: 2\r\n\r\n7x", 3),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 2),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(32, 64)), 1),
        (b"\x00\x00\x00\x07default", 1),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 1),
        (b"\x80\n\x81\n", 2),
    ],
    ids=lambda sent: repr(sent)[:20],
)
def test_another_protocol_gets_parse_errors(server: Server, wire: Wire, sent: bytes, count: int) -> None:
    wire.send(sent)
    assert finish(wire) == [failed(-32700)] * count
    assert server.connect().ask(PING) == PONG


@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([b"\n", PING, PING[:20], b"[", b"{}", b"[1,2]", b"1"]), max_size=8
    )
)
def test_random_bytes_do_not_harm_the_server(server: Server, pieces: list[bytes]) -> None:
    assume(b"content-" not in b"".join(pieces).lower())  # A stream that begins so gets framed responses.
    with Wire(server.socket) as wire:
        for piece in pieces:
            wire.send(piece)
        answers = finish(wire)
    assert len(answers) <= b"".join(pieces).count(b"\n") + 1
    assert all("error" in answer or answer == PONG for answer in answers if isinstance(answer, dict))
    with Wire(server.socket) as wire:
        assert wire.ask(PING) == PONG


def test_ten_thousand_requests_are_answered_in_order(wire: Wire) -> None:
    lines = [PING.replace(b'"id":1', b'"id":%d' % id) for id in range(10_000)]
    thread = send_meanwhile(wire, b"\n".join(lines) + b"\n")
    assert [wire.answer()["id"] for _ in lines] == list(range(10_000))
    thread.join(TIMEOUT_SECONDS)


def test_requests_of_one_connection_are_executed_in_order(wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    expected = [str(number) for number in range(1000)]
    thread = send_meanwhile(wire, appends(session, expected))
    answers = [wire.answer() for _ in expected]
    thread.join(TIMEOUT_SECONDS)
    assert [answer["id"] for answer in answers] == list(range(1000))
    assert contents(wire, session) == expected
    ids = [answer["result"]["message_id"] for answer in answers]
    assert ids == sorted(ids)


def test_a_read_after_a_write_on_one_connection_sees_it(wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    count = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "message.count", "params": [session]}).encode() + b"\n"
    wire.send((appends(session, ["x"]) + count) * 50)
    answers = [wire.answer() for _ in range(100)]
    assert [answer["result"]["count"] for answer in answers[1::2]] == list(range(1, 51))
