"""The time of an append while others stream replies: `python -m tests.bench.parts.streams`, on a quiet machine.

A process of its own streams over 32 connections, first 200 deltas a second in all, then 200 for each stream. One more
client appends and waits for each response. The output has the milliseconds of an append, and how many deltas were sent
and stored. The exit status is 1 if a 99th percentile is over the bound of 20 ms, or a delta is missing.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import quantiles

from tests.bench.peers.segue import serving
from tests.bench.turns import folder
from tests.support.process import Segued
from tests.support.wire import Wire

STREAMS = 32
DELTAS_PER_SECOND = 200
BOUND_MS = 20
TEXT = "some words of a reply "


def stream(socket: Path, rate: float, seconds: float) -> None:
    """Send deltas at a rate over all streams in turns, then print how many were sent and how many are stored."""
    wires = [Wire(socket) for _ in range(STREAMS)]
    ids = [
        wire.call("message.begin", working_dir=f"/{number}", role="assistant")["message_id"]
        for number, wire in enumerate(wires)
    ]
    line = '{"jsonrpc":"2.0","method":"message.delta","params":{"message_id":%d,"text":"%s"}}\n'
    lines = [(line % (id, TEXT)).encode() for id in ids]
    print("ready", flush=True)
    begun, sent = time.monotonic(), 0
    while (passed := time.monotonic() - begun) < seconds:
        for number in range(sent, int(passed * rate)):
            wires[number % STREAMS].send(lines[number % STREAMS])
            sent = number + 1
        time.sleep(0.001)
    finished = [wire.call("message.finish", message_id=id) for wire, id in zip(wires, ids, strict=True)]
    print(sent, sum(len(one["content"]) // len(TEXT) for one in finished), flush=True)


def append_for(wire: Wire, seconds: float) -> list[float]:
    """Append messages one after the other, and return the milliseconds of each."""
    taken = []
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        wire.call("message.append", session_id="other", role="user", content="x" * 500)
        taken.append((time.monotonic() - begun) * 1000)
    return taken


def beside(segued: Segued, wire: Wire, rate: float, seconds: float) -> tuple[list[float], int, int]:
    """Return the milliseconds of the appends beside the streams, and the counts of deltas sent and stored."""
    words = [sys.executable, "-m", "tests.bench.parts.streams", "--stream", str(segued.socket)]
    command = [*words, "--rate", str(rate), "--seconds", str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as streaming:
        assert streaming.stdout is not None
        streaming.stdout.readline()
        taken = append_for(wire, seconds)
        sent, stored = map(int, streaming.stdout.read().split())
    return taken, sent, stored


def main() -> int:
    """Print a line without streams and one of each rate, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.parts.streams", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="seconds of each line; default: 10")
    parser.add_argument("--stream", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.stream:
        stream(wanted.stream, wanted.rate, wanted.seconds)
        return 0
    status = 0
    print("deltas/s\tappends\tp50 ms\tp99 ms\tmax ms\tdeltas sent\tstored")
    with folder() as place, serving(place) as segued, segued.connect() as wire:
        wire.call("session.create", id="other")
        append_for(wire, 1)
        for rate in (0, DELTAS_PER_SECOND, DELTAS_PER_SECOND * STREAMS):
            taken, sent, stored = beside(segued, wire, rate, wanted.seconds)
            cuts = quantiles(taken, n=100)
            figures = f"{cuts[49]:.2f}\t{cuts[98]:.2f}\t{max(taken):.2f}"
            print(f"{rate}\t{len(taken)}\t{figures}\t{sent}\t{stored}", flush=True)
            if cuts[98] > BOUND_MS or stored != sent:
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
