"""The longest wait of a client that appends and pings while another request takes long, and while the disk stalls."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.peers.segue import serving
from tests.bench.report.figures import Row, below, median, spread_of
from tests.bench.report.progress import show_progress
from tests.bench.texts import texts
from tests.bench.turns import folder
from tests.support.hostile.slow_disk import SlowDisk
from tests.support.process import Segued
from tests.support.wire import Wire

MESSAGES = 100_000
PAGE = 1000
REQUEST_SECONDS = 600
"""Seconds: the timeout of a request. The backup of the last turn copies half a gigabyte."""

STALL_SECONDS = 60
LATE_MS = 50


def rows(rounds: int, messages: int = MESSAGES) -> list[Row]:
    """Measure with a session of many messages."""
    waits: dict[str, list[float]] = {}
    with folder() as place, serving(place) as segued, segued.connect() as wire:
        wire.socket.settimeout(REQUEST_SECONDS)
        for number in range(rounds):
            for name, run in _requests(wire, place, number, messages):
                show_progress(name)
                with beside(segued) as times:
                    run()
                waits.setdefault(name, []).append(max(times) * 1000)
        quiet = []
        for _ in range(rounds):
            with beside(segued) as times:
                time.sleep(1)
            quiet.append(max(times) * 1000)
    return [
        below(
            f"longest wait of others during {name}",
            median(found),
            "no such request",
            median(quiet),
            "ms",
            LATE_MS,
            spread_of(found),
        )
        for name, found in waits.items()
    ]


def _requests(wire: Wire, place: Path, number: int, messages: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the requests in an order in which each finds what it needs."""
    session = f"long-{number}"
    wire.call("session.create", id=session)
    page = [{"role": "user", "content": texts()[index % 64]} for index in range(PAGE)]

    for _ in range(messages // PAGE):
        wire.call("message.append_many", session_id=session, messages=page)

    def import_pages() -> None:
        for start in range(0, messages // 10, PAGE):
            drafts = [{**one, "key": str(start + index)} for index, one in enumerate(page)]
            source = {"tool": "bench", "id": session}
            wire.call("session.import", source=source, session={}, messages=drafts)

    copies: list[str] = []
    yield f"indexing of {messages} messages", lambda: wire.call("message.search", query="a")
    yield f"fork of {messages} messages", lambda: copies.append(wire.call("session.fork", session_id=session)["id"])
    yield "backup", lambda: wire.call("daemon.backup", path=str(place / "copy.db"), overwrite=True)
    yield f"import of {messages // 10} messages", import_pages
    yield f"delete of {messages} messages", lambda: wire.call("session.delete", session_id=copies[0])
    yield "cleanup", lambda: wire.call("session.cleanup")
    yield "scrub", lambda: wire.call("daemon.scrub")
    yield "check", lambda: wire.call("daemon.check", full=True)


@contextmanager
def beside(segued: Segued) -> Iterator[list[float]]:
    """Yield the seconds of each append and ping that a client makes meanwhile, one after the other."""
    times: list[float] = []
    ended = threading.Event()
    with segued.connect() as wire:
        wire.call("session.create")
        session = wire.call("session.list", limit=1)["sessions"][0]["id"]

        def run() -> None:
            while not ended.is_set():
                for method, params in (
                    ("daemon.ping", {}),
                    ("message.append", {"session_id": session, "role": "user", "content": "x"}),
                ):
                    begun = time.perf_counter()
                    wire.respond(method, params)
                    times.append(time.perf_counter() - begun)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield times
        finally:
            ended.set()
            thread.join()


def rows_of_stalls(seconds: float = STALL_SECONDS) -> list[Row]:
    """Measure pings while every 200th sync takes 300 ms longer; no row without a C compiler."""
    if shutil.which("cc") is None:
        return []
    with folder() as place:
        show_progress("stalls of the disk")
        segued = SlowDisk(place)
        segued.start()
        with segued.connect() as wire, beside(segued):
            times = []
            end = time.perf_counter() + seconds
            while (begun := time.perf_counter()) < end:
                wire.respond("daemon.ping", {})
                times.append((time.perf_counter() - begun) * 1000)
        segued.stop()
        late = sum(one > LATE_MS for one in times)
        what = f"pings over {LATE_MS} ms in {seconds:g} s, a sync of 300 ms after every 200"
        return [below(what, late, "such syncs", segued.stalls, "", 1)]
