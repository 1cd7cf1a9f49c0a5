"""The most expensive searches of several clients together: others are served, and the memory is given back."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.counters import measured
from tests.support.hostile.attack import MEBIBYTE, SESSION, Attack
from tests.support.system.usage import memory_bytes
from tests.support.wire import Wire

WORDS = 4096
"""Words of the longest query."""

HOSTILE: dict[str, dict[str, Any]] = {
    "a phrase of one word": {"query": '"' + "a " * WORDS + '"'},
    "phrases of two words": {"query": '"a b" ' * (WORDS // 2)},
    "many different words": {"query": " ".join(f"w{number % 400}" for number in range(WORDS))},
    "any of many words": {"query": " ".join(f"w{number}" for number in range(WORDS)), "match": "any"},
    "many prefixes": {"query": " ".join(f"{number:03d}*" for number in range(WORDS))},
    "a substring that is almost there": {"query": "a b " * 30_000 + "c", "match": "substring"},
    "a pattern that backtracks": {"query": "(a|b| )*(a|b| )*c", "match": "regex"},
}

PEAK_BYTES = 512 * MEBIBYTE
"""Bytes that all these searches may take together."""

PATIENCE_SECONDS = 300
"""Seconds: the searches run one after the other, each up to its time limit."""


def fill(wire: Wire) -> None:
    """Store messages that match much of each query."""
    wire.call("session.create", id="filled")
    words = " ".join(f"w{number} {number:03d}" for number in range(400))
    rows = [{"role": "user", "content": text} for text in ("a b " * 4000, words) for _ in range(40)]
    for _ in range(5):
        wire.call("message.append_many", session_id="filled", messages=rows)
    wire.call("message.search", query="w1")


def search(wire: Wire, params: dict[str, Any]) -> str:
    """Search, and say how it ended."""
    wire.socket.settimeout(PATIENCE_SECONDS)
    start = time.monotonic()
    answer = wire.respond("message.search", params)
    ended = "found" if "result" in answer else str(answer["error"]["code"])
    return f"{ended} after {time.monotonic() - start:.1f} s"


def test_searches_that_take_long_leave_room_for_others(attack: Attack) -> None:
    fill(attack.attacker())
    before = memory_bytes(attack.segued)
    longest, beside = 0.0, 0
    with ThreadPoolExecutor(len(HOSTILE)) as attackers:
        sent = {name: attackers.submit(search, attack.attacker(), params) for name, params in HOSTILE.items()}
        while not all(future.done() for future in sent.values()):
            start = time.monotonic()
            attack.polite.append()
            attack.polite.wire.call("message.list", session_id=SESSION, limit=1)
            longest = max(longest, time.monotonic() - start)
            beside += 1
    peak = memory_bytes(attack.segued, "VmHWM") - before
    ends = {name: future.result() for name, future in sent.items()}
    measured(
        f"{len(HOSTILE)} hostile searches at once: {beside} appends and reads beside them, longest {longest:.1f} s"
    )
    measured(f"hostile searches: {peak / MEBIBYTE:.0f} MiB at most; {ends}")
    assert peak < PEAK_BYTES
    for name, end in ends.items():
        assert end.startswith(("found", "-32602")), f"{name}: {end}"
