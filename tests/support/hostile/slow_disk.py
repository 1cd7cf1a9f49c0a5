"""The real `segued` on a disk whose syncs stall now and then: a preloaded library delays `fdatasync`."""

import subprocess
from pathlib import Path

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


class SlowDisk(Segued):
    """The real program, whose syncs stall."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        source, self._library = folder / "shim.c", folder / "shim.so"
        source.write_text(SHIM)
        command = ["cc", "-shared", "-fPIC", f"-DEVERY={EVERY}", "-o", str(self._library), str(source), "-ldl"]
        subprocess.run(command, check=True)

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "LD_PRELOAD": str(self._library), "STALLS": str(self.folder / "stalls")}

    @property
    def stalls(self) -> int:
        path = self.folder / "stalls"
        return len(path.read_text().splitlines()) if path.exists() else 0
