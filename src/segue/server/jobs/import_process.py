"""The process that follows the histories of other tools, a client like any other.

1. It runs `segue import --follow` of the same installation, and reports the state of each tool in lines of JSON.
2. It ends when its standard input ends. The kernel closes the other end when the daemon ends, also if it is killed.
3. When it fails, the daemon starts another one, after a pause that doubles with each failure.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from subprocess import PIPE

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, Process

from segue.paths import Paths
from segue.status_results import ImportStatus, ToolStatus

log = logging.getLogger("segue.import")

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds: the pauses before the process is started again."""

SOUND_SECONDS = 60.0
"""Seconds: a process that ran longer had no fault at its start, so the pauses are short again."""

END_SECONDS = 2.0
"""Seconds that the process has to end by itself when the daemon stops."""

MAX_LINE_BYTES = 2**20
"""Bytes. A report has a few kilobytes; the rest of a longer line is dropped."""

_decode = msgspec.json.Decoder(dict[str, ToolStatus]).decode


class ImportProcess:
    """The importer process, and what it reported last."""

    def __init__(self, paths: Paths, monotonic: Callable[[], float] = time.monotonic) -> None:
        follow = paths.config.import_.follow
        self.command = [
            *(sys.executable, "-P", "-m", "segue"),
            *("--socket", str(paths.socket), "--database", str(paths.database), "--config", str(paths.config_path)),
            *("import", "--follow", "--supervised", *(follow if isinstance(follow, list) else [])),
        ]
        self._monotonic = monotonic
        self._status = ImportStatus(state="starting", pid=None, restarts=0, error=None, tools={})

    def status(self) -> ImportStatus:
        """Return the state of the process and of each tool."""
        return self._status

    async def run(self) -> None:
        """Keep the process running until this task is canceled."""
        pause = FIRST_PAUSE
        while True:
            begun = self._monotonic()
            error = await self._run_once()
            pause = FIRST_PAUSE if self._monotonic() - begun > SOUND_SECONDS else pause
            log.error("the importer ended: %s; starting it again in %g s", error, pause)
            self._status = msgspec.structs.replace(self._status, state="waiting", pid=None, error=error)
            await anyio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            self._status = msgspec.structs.replace(self._status, state="starting", restarts=self._status.restarts + 1)

    async def _run_once(self) -> str:
        """Run the process to its end and return its last words."""
        try:
            process = await anyio.open_process(self.command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        except OSError as error:
            return f"cannot run {self.command[0]}: {error.strerror}"
        words: deque[str] = deque(maxlen=1)
        try:
            self._status.pid = process.pid
            async with anyio.create_task_group() as readers:
                readers.start_soon(self._read_reports, process.stdout)
                readers.start_soon(_read_words, process.stderr, words)
            code = await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
        return words[-1] if words else f"exit status {code}"

    async def _read_reports(self, stream: ByteReceiveStream | None) -> None:
        async for line in _lines(stream):
            try:
                tools = _decode(line)
            except msgspec.DecodeError:
                log.warning("the importer wrote a line that is not a report")
                continue
            self._log_new_errors(tools)
            self._status = msgspec.structs.replace(self._status, state="running", error=None, tools=tools)

    def _log_new_errors(self, tools: dict[str, ToolStatus]) -> None:
        for name, tool in tools.items():
            before = self._status.tools.get(name)
            for error in tool.errors:
                if before is None or error not in before.errors:
                    log.warning("import of %s: %s", name, error)


async def _read_words(stream: ByteReceiveStream | None, words: deque[str]) -> None:
    async for line in _lines(stream):
        words.append(line.decode(errors="replace").removeprefix("segue: "))
        log.warning("the importer says: %s", words[-1])


async def _lines(stream: ByteReceiveStream | None) -> AsyncIterator[bytes]:
    """Yield the lines of a stream without their line feeds."""
    rest = b""
    if stream is None:
        return
    async for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
        rest = rest[:MAX_LINE_BYTES]


async def _end(process: Process) -> None:
    """Let the process end by itself, then kill it."""
    if process.stdin is not None:
        await process.stdin.aclose()
    with anyio.move_on_after(END_SECONDS):
        await process.wait()
    if process.returncode is None:
        process.kill()
    await process.aclose()
