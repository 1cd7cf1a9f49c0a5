"""A disk that stalls now and then stops the daemon's event loop once a minute at most."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.support.process import Segued

STALL_SECONDS = 0.3
EVERY = 200
"""Every so many syncs, one takes `STALL_SECONDS` longer."""

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int count;

int fdatasync(int descriptor) {
    static int (*original)(int);
    if (!original) original = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (atomic_fetch_add(&count, 1) % EVERY == EVERY - 1) {
        FILE *stalls = fopen(getenv("STALLS"), "a");
        fputs("stall\n", stalls);
        fclose(stalls);
        usleep(300000);
    }
    return original(descriptor);
}
"""


class Slow(Segued):
    """The real program, whose syncs stall."""

    shim = ""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "LD_PRELOAD": self.shim, "STALLS": str(self.folder / "stalls")}

    @property
    def stalls(self) -> int:
        path = self.folder / "stalls"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.long
def test_a_sync_that_stalls_now_and_then_delays_one_ping_at_most(tmp_path: Path) -> None:
    source, library = tmp_path / "shim.c", tmp_path / "shim.so"
    source.write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", f"-DEVERY={EVERY}", "-o", str(library), str(source), "-ldl"], check=True)
    segued = Slow(tmp_path)
    segued.shim = str(library)
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
