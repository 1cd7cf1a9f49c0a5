"""32 replies stream with up to 200 deltas a second each, while another client appends."""

import json
import threading
import time

from tests.support.counters import measured
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

STREAMS = 32
DELTAS = 200
WINDOWS = 4
APPENDS = 200
EVENT_LOG = 10_000


class Pump:
    """A thread that sends a delta over the connection of each stream, and again after a pause."""

    def __init__(self, segued: Segued) -> None:
        self.wires = [segued.connect() for _ in range(STREAMS)]
        self.ids = [
            wire.call("message.begin", working_dir=f"/{number}", role="assistant")["message_id"]
            for number, wire in enumerate(self.wires)
        ]
        self.sent = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ends.set()
        self._thread.join(TIMEOUT_SECONDS)

    def _run(self) -> None:
        while not self._ends.wait(1 / DELTAS):
            for wire, id in zip(self.wires, self.ids, strict=True):
                params = {"message_id": id, "text": f"{self.sent} "}
                line = {"jsonrpc": "2.0", "method": "message.delta", "params": params}
                wire.send(json.dumps(line).encode() + b"\n")
            self.sent += 1


def append_p99(wire: Wire) -> float:
    """Append some messages, and return the 99th percentile of the seconds that an append took."""
    taken = []
    for _ in range(APPENDS):
        begun = time.monotonic()
        wire.call("message.append", session_id="other", role="user", content="x" * 500)
        taken.append(time.monotonic() - begun)
    return sorted(taken)[len(taken) * 99 // 100]


def test_streams_lose_no_text_and_no_event_while_others_append(segued: Segued) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="other")
    cursor = wire.call("events.subscribe")["cursor"]
    wire = segued.connect()
    alone = min(append_p99(wire) for _ in range(WINDOWS))
    pump = Pump(segued)
    try:
        windows = [append_p99(wire) for _ in range(WINDOWS)]
        wait_until(lambda: pump.sent * STREAMS > EVENT_LOG)
    finally:
        pump.end()
    measured(f"p99 of appends: {alone * 1000:.1f} ms alone, {min(windows) * 1000:.1f} ms beside {STREAMS} streams")
    for stream, id in zip(pump.wires, pump.ids, strict=True):
        finished = stream.call("message.finish", message_id=id)
        assert finished["content"].split() == [str(number) for number in range(pump.sent)]
    wire.call("events.subscribe", cursor=cursor)
    assert wire.event()["kind"] != "reset"  # No delta took the place of an event.
