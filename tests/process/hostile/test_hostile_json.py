"""Lines made to harm a parser: each is answered as the contract says, and the connection serves on."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest

from segue.jsonrpc import messages
from segue.jsonrpc.dispatcher import MAX_DENSITY
from tests.support.counters import measured
from tests.support.deadline import wait_until
from tests.support.hostile.attack import MEBIBYTE, SESSION, Attack, request
from tests.support.system.usage import cpu_seconds, memory_bytes
from tests.support.wire import Wire

FULL = 16 * MEBIBYTE
"""`limits.request_bytes`."""

MILLION = 1_000_000
TWENTY = 20
SLOTS = 16
"""Long lines that the daemon holds at the same time."""

DENSE = 6
PING_SECONDS = 0.1
"""Seconds of CPU: what other clients wait at most on a machine that parses a million numbers in PARSE_SECONDS."""

PARSE_SECONDS = 0.025

LINES_BYTES = 320 * MEBIBYTE
"""Bytes: 16 lines of 16 MiB, and a fifth more."""

PARSED_BYTES = 96 * MEBIBYTE
"""Bytes: one line that is copied and parsed, and what the allocator keeps."""


def padded(head: bytes, filling: bytes, tail: bytes) -> bytes:
    """Return a line as long as it may be, its middle filled up."""
    room = FULL - len(head) - len(tail)
    return head + filling * (room // len(filling)) + b" " * (room % len(filling)) + tail + b"\n"


def ping_with(params: str) -> bytes:
    return request(1, "daemon.ping", params)


def append_with(member: str) -> bytes:
    return request(1, "message.append", f'{{"session_id":"{SESSION}","role":"user","content":"x",{member}}}')


def million_keys() -> bytes:
    return ping_with("{" + ",".join(f'"k{number}":1' for number in range(MILLION)) + "}")


def million_keys_in_metadata() -> bytes:
    keys = ",".join(f'"k{number}":1' for number in range(MILLION))
    return append_with(f'"metadata":{{{keys}}}')


def colliding_keys() -> bytes:
    """Return 65 536 keys of one value under the times-33 and times-31 hashes that attacks were written for."""
    keys = ("".join(pairs) for pairs in product(("Aa", "BB"), repeat=16))
    return append_with('"metadata":{' + ",".join(f'"{key}":1' for key in keys) + "}")


BY_CODE: list[tuple[str, Callable[[], bytes], int]] = [
    ("100 000 arrays deep", lambda: ping_with("[" * 100_000 + "]" * 100_000), -32700),
    ("100 000 objects deep", lambda: ping_with('{"a":' * 100_000 + "1" + "}" * 100_000), -32700),
    ("nothing but brackets", lambda: padded(b"", b"[", b""), -32700),
    ("nothing but a string that never ends", lambda: padded(b'"', b"x", b""), -32700),
    ("5.5 million empty arrays", lambda: padded(b"[", b"[],", b"1]"), -32004),
    ("8 million numbers as params", lambda: padded(ping_with("[")[:-2], b"1,", b"1]}"), -32004),
    ("a million keys", million_keys, -32004),
    ("a million keys in what is stored", million_keys_in_metadata, -32004),
    ("an integer of 10 000 digits", lambda: ping_with("[" + "9" * 10_000 + "]"), -32700),
    ("an exponent of 10 000 digits", lambda: ping_with("[1e" + "9" * 10_000 + "]"), -32700),
    ("a fraction of 10 000 digits", lambda: ping_with("[0." + "9" * 10_000 + "]"), -32602),
    ("a method of a mebibyte", lambda: request(1, "x" * MEBIBYTE), -32601),
    ("a parameter name of a mebibyte", lambda: ping_with('{"' + "x" * MEBIBYTE + '":1}'), -32602),
    ("16 MiB of escapes", lambda: padded(request(1, "x").rstrip()[:-3] + b'["', b"\\u0000", b'"]}'), -32601),
    ("a lone surrogate", lambda: ping_with('["\\ud800"]'), -32602),
    ("millions of lone surrogates", lambda: padded(ping_with('["')[:-2], b"\\ud800", b'"]}'), -32602),
    ("a batch of a thousand and one", lambda: b"[" + b"1," * 1000 + b"1]\n", -32004),
]


@pytest.mark.parametrize(("line", "code"), [(line, code) for _, line, code in BY_CODE], ids=[row[0] for row in BY_CODE])
def test_it_is_refused_by_its_code_in_few_words(attack: Attack, line: Callable[[], bytes], code: int) -> None:
    wire = attack.attacker()
    wire.send(line())
    answer = wire.answer()
    assert answer["error"]["code"] == code
    assert len(json.dumps(answer)) < 1000
    assert wire.call("daemon.ping") == "pong"
    attack.polite.append()


def test_of_a_key_given_twice_the_last_counts(attack: Attack) -> None:
    wire = attack.attacker()
    wire.send(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"no.such","method":"daemon.ping","params":[1],"params":[]}\n')
    assert wire.answer() == {"jsonrpc": "2.0", "result": "pong", "id": 2}


def test_keys_that_collide_under_common_hashes_are_stored_like_others(attack: Attack) -> None:
    wire = attack.attacker()
    wire.call("session.create", id="colliding")
    wire.send(colliding_keys().replace(SESSION.encode(), b"colliding", 1))
    stored = wire.answer()["result"]
    assert len(wire.call("message.get", message_id=stored["message_id"])["metadata"]) == 2**16


JUNK: list[Any] = [1, "x", None, True, {}, [], [[]], {"jsonrpc": "2.0"}, {"id": {}}, {"jsonrpc": 2, "method": 5}, -0.0]


def test_a_thousand_pieces_of_junk_in_a_batch_are_a_thousand_errors(attack: Attack) -> None:
    wire = attack.attacker()
    batch = (JUNK * 91)[:1000]
    for _ in range(20):
        wire.send(json.dumps(batch).encode() + b"\n")
        assert [one["error"]["code"] for one in wire.answer()] == [-32600] * 1000
        attack.polite.append()


def test_batches_inside_batches_are_each_one_error(attack: Attack) -> None:
    wire = attack.attacker()
    wire.send(json.dumps([[{"jsonrpc": "2.0", "id": 1, "method": "daemon.ping"}] * 100] * 1000).encode() + b"\n")
    assert [one["error"]["code"] for one in wire.answer()] == [-32600] * 1000


def test_long_lines_of_many_clients_together_take_bounded_memory_and_all_are_answered(attack: Attack) -> None:
    """Sixteen lines have a slot. The daemon reads the others when a slot is free."""
    lines = [padded(b'[{"jsonrpc":"2.0","id":1,"method":"daemon.status"},[', b" ", b"]]") for _ in range(TWENTY)]
    attackers = [attack.attacker() for _ in range(TWENTY)]
    before = memory_bytes(attack.segued)
    with ThreadPoolExecutor(TWENTY) as senders:
        sent = [senders.submit(attacker.send, line[:-1]) for attacker, line in zip(attackers, lines, strict=True)]
        wait_until(lambda: sum(future.done() for future in sent) == SLOTS)
        attack.polite.append()
        assert memory_bytes(attack.segued) - before < LINES_BYTES
        ended: set[Future[None]] = set()
        while len(ended) < TWENTY:
            wait_until(lambda: any(future.done() and future not in ended for future in sent))
            for attacker, future in zip(attackers, sent, strict=True):
                if future.done() and future not in ended:
                    ended.add(future)
                    attacker.send(b"\n")
        attack.polite.append()
        assert [[one["id"] for one in attacker.answer()] for attacker in attackers] == [[1, None]] * TWENTY
    assert memory_bytes(attack.segued, "VmHWM") - before < LINES_BYTES + PARSED_BYTES


DENSE_LINES: dict[str, Callable[[], bytes]] = {
    "[],": lambda: padded(b"[", b"[],", b"1]"),
    '"",': lambda: padded(b"[", b'"",', b"1]"),
    '{"a":1},': lambda: padded(b"[", b'{"a":1},', b"1]"),
    "as many arrays as are parsed": lambda: padded(b"[" + b"[[]]," * (MAX_DENSITY.structures // 2 - 1), b" ", b"1]"),
    "as many names as are parsed": lambda: padded(b"[1,{" + members(MAX_DENSITY.names - 10), b" ", b"}]"),
}


def members(count: int) -> bytes:
    return b",".join(b'"%b%d":1' % (b"k" * 16, number) for number in range(count))


def busiest_ping_beside(attack: Attack, line: bytes) -> float:
    """Return the most seconds of CPU that the daemon used before it answered a ping, while six clients sent the line.

    Other programs on the machine delay a ping too, but they do not change this.
    """
    attackers = [attack.attacker() for _ in range(DENSE)]
    wire = attack.attacker()
    busiest = 0.0
    with ThreadPoolExecutor(DENSE) as pool:
        answers = [pool.submit(ask, attacker, line) for attacker in attackers]
        while not all(answer.done() for answer in answers):
            start = cpu_seconds(attack.segued)
            wire.call("daemon.ping")
            busiest = max(busiest, cpu_seconds(attack.segued) - start)
    assert [error_codes(answer.result()) for answer in answers] in ([{-32004}] * DENSE, [{-32600}] * DENSE)
    return busiest


def ask(wire: Wire, line: bytes) -> Any:
    wire.send(line)
    return wire.answer()


def error_codes(answer: Any) -> set[int]:
    return {one["error"]["code"] for one in (answer if isinstance(answer, list) else [answer])}


def slowness() -> float:
    """Return how many times as long as on the machine of the bound parsing takes here; at least 1."""
    line = padded(b"[" + b"1," * MILLION, b" ", b"1]")
    times = []
    for _ in range(5):
        start = time.thread_time()
        messages.parse_json(line)
        times.append(time.thread_time() - start)
    return max(1.0, min(times) / PARSE_SECONDS)


@pytest.mark.parametrize("kind", DENSE_LINES)
def test_dense_lines_of_several_clients_delay_no_other_client(attack: Attack, kind: str) -> None:
    """Take the best of ten rounds, because the clock of the CPU also runs while its caches are cold."""
    line, bound = DENSE_LINES[kind](), PING_SECONDS * slowness()
    for _ in range(10):
        if (busiest := busiest_ping_beside(attack, line)) < bound:
            break
    measured(f"longest ping beside {DENSE} long lines with {kind}: {busiest * 1000:.0f} ms of CPU")
    assert busiest < bound
