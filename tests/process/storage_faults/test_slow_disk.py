"""A disk that stalls now and then stops the daemon's event loop once a minute at most."""

import threading
import time
from pathlib import Path

import pytest

from tests.support.hostile.slow_disk import STALL_SECONDS, SlowDisk


@pytest.mark.long
def test_a_sync_that_stalls_now_and_then_delays_one_ping_at_most(tmp_path: Path) -> None:
    segued = SlowDisk(tmp_path)
    segued.start()
    ended = threading.Event()
    with segued.connect() as writing, segued.connect() as pinging:
        writing.call("session.create", id="s")

        def append() -> None:
            while not ended.is_set():
                writing.call("message.append", session_id="s", role="user", content="x")

        writer = threading.Thread(target=append)
        writer.start()
        delayed = 0
        while segued.stalls < 6:
            begun = time.monotonic()
            pinging.call("daemon.ping")
            delayed += time.monotonic() - begun >= STALL_SECONDS * 0.8
        ended.set()
        writer.join()
    segued.finish()
    assert delayed <= 1
