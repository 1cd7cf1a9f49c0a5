"""Ask in the open session: `segue ask` runs as a child process, and the reply arrives by events as it is stored."""

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from segue.cli.output.terminal import USAGE

if TYPE_CHECKING:
    from segue.browse.app import Browse

ERROR_LINES = 3
"""Lines of the command's errors that are shown."""


class Asking:
    """The command that runs now."""

    def __init__(self, app: "Browse") -> None:
        self._app = app
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Return True while the model replies."""
        return self._process is not None

    async def ask(self, session_id: str, text: str | None) -> None:
        """Ask a question, or repeat the last one if there is no text."""
        if self._process is not None:
            return self._app.say("a reply is running; ^C stops it", error=True)
        options = ["--retry"] if text is None else []
        command = [
            *self._app.options.program,
            "ask",
            "--session",
            session_id,
            *options,
            *([] if text is None else ["-"]),
        ]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL if text is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._app.show_state()
        try:
            errors = await _run(self._process, None if text is None else text.encode(errors="replace"))
            code = self._process.returncode
        finally:
            self._process = None
            self._app.show_state()
        if code == USAGE and text is not None and not self._app.ask_input.value:
            self._app.ask_input.value = text  # Nothing was stored, so it can be sent again
        lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
        lines = [line.removeprefix("Error: ") for line in lines if not line.startswith(("Usage: ", "Try "))]
        if code or lines:
            message = "\n".join(lines[-ERROR_LINES:]) or f"segue ask ended with exit status {code}"
            self._app.say(message.replace("segue: ", ""), error=bool(code))
        return None

    def stop(self) -> bool:
        """Stop the reply as Ctrl-C does, so that the part that came is stored; False if none runs."""
        if self._process is None:
            return False
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        return True


async def _run(process: asyncio.subprocess.Process, question: bytes | None) -> bytes:
    """Give the question to the command and return its errors.

    They are read beside: `communicate` loses them if the command ends before it reads the question.
    """
    errors = asyncio.ensure_future(process.stderr.read() if process.stderr is not None else asyncio.sleep(0, b""))
    if process.stdin is not None:
        with suppress(OSError, RuntimeError):  # The command has ended; other loops than asyncio's raise the second
            process.stdin.write(question or b"")
            await process.stdin.drain()
        process.stdin.close()
    await process.wait()
    return await errors
