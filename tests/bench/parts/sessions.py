"""The time of an adapter's calls: `python -m tests.bench.parts.sessions`, with the extra `test-integrations`.

`add_items` of two items is measured with a SegueSession and with the SDK's SQLiteSession in turns, in 1 and in 4
processes that begin each round together. A checkpoint is read by its ID in a thread that has 10 000. The output is in
milliseconds.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.support.process import Segued

ROUNDS = 6
CALLS = 200
CHECKPOINTS = 10_000
ITEMS = [
    {"role": "user", "content": "Where is my parcel? " * 5},
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "On its way. " * 10, "annotations": []}],
    },
]


async def work(kind: str, name: str) -> None:
    """Run a round for each line of standard input, and print its milliseconds."""
    from agents import SQLiteSession

    from segue.integrations.openai_agents import SegueSession

    session = SegueSession(name) if kind == "segue" else SQLiteSession(name, os.environ["SQLITE_FILE"])
    await session.add_items(ITEMS)
    print("ready", flush=True)
    while sys.stdin.readline():
        taken = []
        for _ in range(CALLS):
            begun = time.perf_counter()
            await session.add_items(ITEMS)
            taken.append((time.perf_counter() - begun) * 1000)
        print(json.dumps(taken), flush=True)


def measure_adds(environment: dict[str, str], processes: int) -> None:
    """Print the medians of the rounds' percentiles."""
    kinds = ("segue", "sqlite")
    command = [sys.executable, "-m", "tests.bench.parts.sessions"]
    workers = {
        kind: [
            subprocess.Popen(
                [*command, kind, f"{kind}-{processes}-{number}"],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(processes)
        ]
        for kind in kinds
    }

    def tell(kind: str, line: str) -> None:
        for worker in workers[kind]:
            assert worker.stdin is not None
            worker.stdin.write(line)
            worker.stdin.flush()

    def heard(kind: str) -> list[str]:
        return [worker.stdout.readline() for worker in workers[kind] if worker.stdout is not None]

    for kind in kinds:
        assert heard(kind) == ["ready\n"] * processes
    rounds: dict[str, list[list[float]]] = {kind: [] for kind in kinds}
    for number in range(ROUNDS):
        for kind in kinds if number % 2 else kinds[::-1]:
            tell(kind, "\n")
            rounds[kind].append(sorted(one for line in heard(kind) for one in json.loads(line)))
    for kind in kinds:
        half, most, last = (
            median(times[int(len(times) * share)] for times in rounds[kind]) for share in (0.5, 0.99, 0.999)
        )
        print(f"add_items of two, {processes} processes, {kind}: p50 {half:.2f}, p99 {most:.2f}, p99.9 {last:.2f}")
        for worker in workers[kind]:
            worker.communicate()


def measure_checkpoint(socket: Path) -> None:
    """Print the time to read a checkpoint by its ID, and the newest one."""
    from langgraph.checkpoint.base import empty_checkpoint

    from segue.integrations.langgraph import SegueSaver
    from segue.integrations.langgraph_threads import checkpoint_draft

    saver = SegueSaver(socket=socket)
    drafts = []
    for number in range(CHECKPOINTS):
        value = saver.serde.dumps_typed({**empty_checkpoint(), "id": f"{number:08}", "channel_values": {"n": number}})
        head = {"ns": "", "id": f"{number:08}", "parent": None, "metadata": {"step": number}}
        drafts.append(checkpoint_draft(value, head))
    saver._threads.append("t", drafts, replace=False)
    for title, more in (("by its ID", {"checkpoint_id": "00005000"}), ("the newest", {})):
        taken = []
        for _ in range(CALLS):
            begun = time.perf_counter()
            assert saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": "", **more}}) is not None
            taken.append((time.perf_counter() - begun) * 1000)
        taken.sort()
        print(f"a checkpoint of {CHECKPOINTS}, {title}: p50 {median(taken):.2f}, p99 {taken[CALLS * 99 // 100]:.2f}")


def main() -> None:
    """Measure against a daemon of its own."""
    with tempfile.TemporaryDirectory() as name:
        segued = Segued(Path(name))
        environment = {**segued.environment, "SQLITE_FILE": f"{name}/sqlite.db"}
        segued.start()
        for processes in (1, 4):
            measure_adds(environment, processes)
        measure_checkpoint(segued.socket)
        segued.stop()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:])) if len(sys.argv) > 1 else main()
