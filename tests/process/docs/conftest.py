"""The environment of a new user."""

import shutil
import sys

import pytest

from tests.support.process import Segued
from tests.support.system import netcat


@pytest.fixture
def environment(segued: Segued) -> dict[str, str]:
    """Return a home, a runtime directory, and a path with `nc`."""
    runtime, programs = segued.folder / "runtime", segued.folder / "bin"
    for folder in (runtime, programs):
        folder.mkdir(mode=0o700)
    segued.socket = runtime / "segue" / "segued.sock"
    segued.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    if not shutil.which("nc"):
        (programs / "nc").write_text(f'#!/bin/sh\nexec {sys.executable} {netcat.__file__} "$3"\n')
        (programs / "nc").chmod(0o700)
    path = f"{programs}:{segued.environment['PATH']}"
    return {
        "PAGER": "cat",
        "HOME": str(segued.folder),
        "XDG_RUNTIME_DIR": str(runtime),
        "PATH": path,
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "SEGUE_BUDGET": "20",  # a machine may be busy
    }
