"""A daemon that is killed has all text of a stream but that of the last second."""

import json
import time

from tests.support.process import Segued


def test_streamed_text_is_durable_within_a_second(segued: Segued) -> None:
    segued.start()
    wires = [segued.connect() for _ in range(8)]
    ids = [
        wire.call("message.begin", working_dir=f"/{number}", role="assistant")["message_id"]
        for number, wire in enumerate(wires)
    ]
    sent: list[float] = []
    end = time.monotonic() + 2.2
    while time.monotonic() < end:
        for wire, id in zip(wires, ids, strict=True):
            text = f"{len(sent)} "
            line = {"jsonrpc": "2.0", "method": "message.delta", "params": {"message_id": id, "text": text}}
            wire.send(json.dumps(line).encode() + b"\n")
        sent.append(time.monotonic())
        for wire in wires:
            wire.call("daemon.ping")  # The daemon has received the text.
        time.sleep(0.01)
    killed = time.monotonic()
    segued.kill()
    segued.start()
    wire = segued.connect()
    durable = sum(at < killed - 1 for at in sent)
    assert durable > 10
    for id in ids:
        message = wire.call("message.get", message_id=id)
        stored = [int(word) for word in message["content"].split()]
        assert message["state"] == "interrupted"
        assert stored == list(range(len(stored)))
        assert durable <= len(stored) <= len(sent)
    assert wire.call("daemon.check", full=True)["ok"]
