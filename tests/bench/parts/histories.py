"""Import of other tools' histories beside agentsview: `python -m tests.bench.parts.histories [--corpus ordinary]`.

The script writes 2 000 dense sessions of Claude Code, which have 150 000 messages and 220 MB, or 10 000 ordinary ones
of Claude Code and Codex. It imports them with `segue import`, then with `agentsview sync`, searches with both command
lines, appends to a file and waits until the text is found. agentsview is a program of its own: `pip install agentsview`
in an environment of its own, and name it with --agentsview. Without it, only segue is measured.

Times depend on what else the machine does. CPU seconds do not: the reader's speed is given per second of CPU, and so is
what another client waits for, as the CPU time that the daemon used between its request and the response. With
--appends, only the appends of another client during an import are measured, such as before and after a change.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any, NamedTuple

from segue.history.agents.claude import ClaudeCode
from tests.bench.corpus import SEED, Language
from tests.bench.histories import make_dense, make_ordinary, make_real
from tests.bench.report.figures import percentile
from tests.process.command_line import SEGUE
from tests.support.process import Segued

SEARCHES = 30
APPENDS = 5
REAL_SESSIONS = 60
ALONE_SECONDS = 3.0
ANSWER_SECONDS = 60.0
MIB = 2**20
LARGE_BYTES = 500_000_000

CPU_OF_PROCESS = 2
"""The kind of a clock id that Linux makes of a process id, as `clock_getcpuclockid` returns it."""

CORPORA = {"dense": (make_dense, 2000), "ordinary": (make_ordinary, 10_000)}
"""How to write each kind of sessions, and their usual number."""

Search = Callable[[str], bool]
"""Return True if a word is found."""


def main() -> None:
    """Measure and print one line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.parts.histories", description=__doc__)
    parser.add_argument("--corpus", choices=CORPORA, default="dense", help="sessions to import; default: dense")
    parser.add_argument("--sessions", type=int, help="number of sessions; default: 2000 dense or 10000 ordinary ones")
    parser.add_argument("--agentsview", default=shutil.which("agentsview"), help="path of the program agentsview")
    parser.add_argument("--appends", action="store_true", help="measure only the appends of another client")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "segue"
        make, usual = CORPORA[wanted.corpus]
        sessions = wanted.sessions or usual
        print(f"{sessions} {wanted.corpus} sessions, {make(home, sessions) / MIB:.0f} MiB")
        if wanted.appends:
            with _serving(home) as segued:
                _import_beside_appends(segued)
            return
        _segue(home)
        if wanted.corpus == "dense":
            _real(Path(folder) / "real")
        if wanted.agentsview:
            _agentsview(wanted.agentsview, Path(folder) / "other", home)


def _segue(home: Path) -> None:
    with _serving(home) as segued:
        seconds, cpu = _import_beside_appends(segued)
        memory = getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024
        status = segued.connect().call("daemon.status")
        total = segued.connect().call("session.stats")["total"]
        cpu += _cpu_of(segued.pid)
        print(f"segue: {total['sessions']} sessions, {total['messages']} messages")
        print(f"segue: import until searchable {seconds:.1f} s, {cpu:.1f} s of CPU, importer {memory:.0f} MiB")
        print(f"segue: database {status['database']['bytes'] / MIB:.0f} MiB")

        def search(word: str) -> bool:
            return bool(_output([SEGUE, "search", word, "--limit", "5"], segued.environment))

        _search("segue", search)
    follow = "[import]\nfollow = ['claude']\n"
    with _serving(home, follow) as segued:
        wire = segued.connect()
        while wire.call("daemon.status")["import"]["state"] != "running":
            time.sleep(0.05)
        _find_appended("segue", home / ".claude" / "projects", search)


def _import_beside_appends(segued: Segued) -> tuple[float, float]:
    """Import while another client appends, print what it waits for, and return the seconds and the CPU seconds."""
    with _appending(segued) as alone:
        time.sleep(ALONE_SECONDS)
    with _appending(segued) as meanwhile:
        taken = _timed([SEGUE, "import", "claude", "codex"], segued.environment)
    for when, waits in (("without an import", alone), ("meanwhile", meanwhile)):
        texts = []
        for name, values in (("", waits.milliseconds), ("CPU of segued ", waits.cpu_milliseconds)):
            p50, p90, p99 = (percentile([values], part) for part in (0.5, 0.9, 0.99))
            texts.append(f"{name}p50 {p50:.1f} p90 {p90:.1f} p99 {p99:.1f} ms")
        print(f"segue: appends of another client {when}: {'; '.join(texts)}", flush=True)
    return taken


def _real(home: Path) -> None:
    size = make_real(home, REAL_SESSIONS)
    reader, begun = ClaudeCode(), time.process_time()
    for item in reader.discover(home / ".claude" / "projects"):
        reader.read(item)
    print(f"segue: reader of such files {size / 1e6 / (time.process_time() - begun):.0f} MB per s of CPU")
    _grow(next(reader.discover(home / ".claude" / "projects")))
    with _serving(home) as segued:
        seconds, cpu = _timed([SEGUE, "import", "claude"], segued.environment)
        cpu += _cpu_of(segued.pid)
        print(
            f"segue: files of 7 % conversation {size / 1e6 / seconds:.0f} MB/s, {size / 1e6 / cpu:.0f} MB per s of CPU"
        )


def _grow(item: Path) -> None:
    """Print what the reading of one new line in a large file takes."""
    part = item.read_bytes()
    with item.with_name("large.jsonl").open("wb") as large:
        large.writelines([part] * (LARGE_BYTES // len(part)))
    path, reader = item.with_name("large.jsonl"), ClaudeCode()
    cursor = reader.read(path).cursor
    with path.open("ab") as tool:
        tool.write(part.splitlines(keepends=True)[0])
    begun = time.process_time()
    reader.read(path, cursor)
    print(f"segue: one new line in a file of {LARGE_BYTES / 1e6:.0f} MB {time.process_time() - begun:.2f} s of CPU")
    path.unlink()


def _agentsview(program: str, home: Path, files: Path) -> None:
    home.mkdir()
    projects = files / ".claude" / "projects"
    folders = {"CLAUDE_PROJECTS_DIR": str(projects), "CODEX_SESSIONS_DIR": str(files / ".codex" / "sessions")}
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], **folders}
    alone = {**environment, "AGENTSVIEW_NO_DAEMON": "1"}
    seconds, cpu = _timed([program, "sync"], alone)
    size = sum(file.stat().st_size for file in home.rglob("*.db*"))
    print(f"agentsview: import {seconds:.1f} s, {cpu:.1f} s of CPU")
    print(f"agentsview: database {size / MIB:.0f} MiB")
    subprocess.run([program, "daemon", "start"], env=environment, capture_output=True, check=True)

    def search(word: str) -> bool:
        output = _output([program, "session", "search", word, "--limit", "5", "--format", "json"], environment)
        return bool(json.loads(output).get("matches"))

    try:
        _search("agentsview", search)
        _find_appended("agentsview", projects, search)
    finally:
        subprocess.run([program, "daemon", "stop"], env=environment, capture_output=True, check=False)


@contextmanager
def _serving(home: Path, config: str = "") -> Iterator[Segued]:
    segued = Segued(home)
    segued.config.parent.mkdir(parents=True, exist_ok=True)
    segued.config.write_text(f"[session]\nretention_days = 0\n{config}")
    segued.config.chmod(0o600)
    segued.start()
    try:
        yield segued
    finally:
        segued.stop()


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of a command."""
    before, begun = getrusage(RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    seconds, after = time.monotonic() - begun, getrusage(RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _output(command: list[str], environment: dict[str, str]) -> bytes:
    return subprocess.run(command, env=environment, capture_output=True, check=False).stdout


class Waits(NamedTuple):
    """What each append of another client took: milliseconds, and those of the daemon's CPU."""

    milliseconds: list[float]
    cpu_milliseconds: list[float]


@contextmanager
def _appending(segued: Segued) -> Iterator[Waits]:
    """Append from another client, and yield what it waits for."""
    waits = Waits([], [])
    stop = threading.Event()
    client = threading.Thread(target=_append_all_the_time, args=(segued, waits, stop))
    client.start()
    try:
        yield waits
    finally:
        stop.set()
        client.join()


def _append_all_the_time(segued: Segued, waits: Waits, stop: threading.Event) -> None:
    clock = (~segued.pid << 3) | CPU_OF_PROCESS
    wire = segued.connect()
    session: Any = wire.call("session.create")["id"]
    while not stop.is_set():
        begun, used = time.monotonic(), time.clock_gettime(clock)
        wire.call("message.append", session_id=session, role="user", content="a message of another client")
        waits.milliseconds.append((time.monotonic() - begun) * 1000)
        waits.cpu_milliseconds.append((time.clock_gettime(clock) - used) * 1000)
        time.sleep(0.01)


def _search(name: str, search: Search) -> None:
    choice, words = random.Random(SEED), Language(random.Random(SEED)).words
    for kind, ranks in (("common", range(20, 70)), ("rare", range(10_000, 60_000))):
        waits: list[float] = []
        for _ in range(SEARCHES):
            word = words[choice.choice(ranks)]
            begun = time.monotonic()
            search(word)
            waits.append((time.monotonic() - begun) * 1000)
        print(
            f"{name}: search of a {kind} word p50 {percentile([waits], 0.5):.0f} p99 {percentile([waits], 0.99):.0f} ms"
        )


def _find_appended(name: str, projects: Path, search: Search) -> None:
    waits: list[float] = []
    for number, file in enumerate(sorted(projects.glob("*/*.jsonl"))[:APPENDS]):
        last = json.loads(file.read_text().splitlines()[-1])
        word = f"{name}quokka{number}"
        message = {"role": "user", "content": word}
        record = {**last, "type": "user", "uuid": word, "parentUuid": last["uuid"], "message": message}
        with file.open("a") as tool:
            tool.write(json.dumps(record) + "\n")
        begun = time.monotonic()
        while not search(word) and time.monotonic() - begun < ANSWER_SECONDS:
            time.sleep(0.02)
        waits.append(time.monotonic() - begun)
    print(f"{name}: from an append in a file to found p50 {percentile([waits], 0.5):.2f} longest {max(waits):.2f} s")


if __name__ == "__main__":
    main()
