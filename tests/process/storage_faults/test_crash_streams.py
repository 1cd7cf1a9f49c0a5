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
    longest_round = 0.0  # A busy machine may delay the daemon as long as this program.

    def durable() -> int:
        """Return the number of texts that the daemon has had for a second, and for the time that the machine took."""
        return sum(at < time.monotonic() - 1 - 2 * longest_round for at in sent)

    while durable() <= 10:
        begun = time.monotonic()
        for wire, id in zip(wires, ids, strict=True):
            text = f"{len(sent)} "
            line = {"jsonrpc": "2.0", "method": "message.delta", "params": {"message_id": id, "text": text}}
            wire.send(json.dumps(line).encode() + b"\n")
        sent.append(time.monotonic())
        for wire in wires:
            wire.call("daemon.ping")  # The daemon has received the text.
        longest_round = max(longest_round, time.monotonic() - begun)
    expected = durable()
    segued.kill()
    segued.start()
    wire = segued.connect()
    for id in ids:
        message = wire.call("message.get", message_id=id)
        stored = [int(word) for word in message["content"].split()]
        assert message["state"] == "interrupted"
        assert stored == list(range(len(stored)))
        assert expected <= len(stored) <= len(sent)
    assert wire.call("daemon.check", full=True)["ok"]
