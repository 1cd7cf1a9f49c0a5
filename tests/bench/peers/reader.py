"""Reading a session without a daemon: a process reads segue's file with sqlite3 and encodes the rows as JSON.

The connection stays open. The result is the one of `message.list`, as `json.dumps` writes it. segue's response crosses
a socket in addition.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.peers.measured import SESSION, read
from tests.bench.peers.segue import serving
from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn

SPARE_SECONDS = 60


class Reader:
    """The process of `reader_client.py`."""

    name = "sqlite3 + json in process"

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with serving(folder) as segued:
            read(segued)

        def turn(length: Length) -> Load:
            job = json.dumps({"path": str(segued.database), "session": SESSION, **length._asdict()})
            command = [sys.executable, "-m", "tests.bench.peers.reader_client"]
            allowed = length.seconds + SPARE_SECONDS
            done = subprocess.run(command, input=job, stdout=subprocess.PIPE, text=True, timeout=allowed, check=True)
            times, cpu = json.loads(done.stdout)
            return Load([times], len(times), length.seconds, cpu)

        yield turn
