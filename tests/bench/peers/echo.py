"""A bare echo over anyio and uvloop: the cost of the socket and the event loop alone."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.load import Job, run
from tests.bench.report.figures import Load
from tests.bench.sides import Length, Turn

LINE = b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":{}}\n'


class Echo:
    """The server of `echo_server.py`; clients send it the line of a ping."""

    name = "anyio + uvloop echo"

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        path = folder / "echo.sock"
        with serve_echo(path) as process:

            def turn(length: Length) -> Load:
                return run(Job(str(path), [[LINE]] * clients, b"\n", b"{", pid=process.pid, **length._asdict()))

            yield turn


@contextmanager
def serve_echo(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server; yield when it listens."""
    command = [sys.executable, "-m", "tests.bench.peers.echo_server", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError("the echo server did not start, see above")
            yield process
        finally:
            process.kill()
