"""Start the browser: check the terminal, find its colors, and ask the daemon while Textual is imported."""

import locale
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from segue.client.connect import Target
from segue.client.sync_client import Client

if TYPE_CHECKING:
    from segue.browse.data.sessions import EntryPage

CONNECT_SECONDS = 20.0
"""Seconds: the start of a daemon included."""

ANSWER_SECONDS = 0.05
"""Seconds: how long the terminal may take to say its background color."""

LIGHT = 128
"""Brightness, of 255, from which on a background is light."""


def ask_daemon(target: Target) -> "Future[EntryPage]":
    """Return the first sessions, which a thread asks for; it starts a daemon if none serves."""
    found: Future[EntryPage] = Future()

    def run() -> None:
        from segue.browse.data.sessions import EntryPage

        try:
            client = Client.connect(target, timeout=CONNECT_SECONDS)
            try:
                answer = client.exchange("session.list", {"limit": 60, "archived": None})
                found.set_result(answer.decode(EntryPage))
            finally:
                client.close()
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            found.set_exception(error)

    Thread(target=run, daemon=True).start()
    return found


def choose_theme(given: str | None) -> str:
    """Return the theme: the given one, the terminal's 16 colors where it has no more, else by its background."""
    if given not in (None, "auto"):
        return given
    terminal = os.environ.get("TERM", "")
    if os.environ.get("NO_COLOR") or terminal in ("linux", "vt100", "vt220") or terminal.endswith("-16color"):
        return "ansi"
    if (brightness := _background()) is not None:
        return "light" if brightness >= LIGHT else "dark"
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return "light" if background in ("7", "15") else "dark"


def has_unicode() -> bool:
    """Return True if the locale can show other characters than ASCII."""
    return locale.getpreferredencoding(do_setlocale=False).lower().replace("-", "") == "utf8"


def _background() -> float | None:
    """Return the brightness of the terminal's background, or None if it does not say.

    The request for the terminal's kind follows as a fence: every terminal answers that one, so that a terminal without
    an answer to the first costs no waiting.
    """
    answer = _query(b"\x1b]11;?\x1b\\\x1b[c", lambda data: data.endswith(b"c"))
    _, found, color = answer.partition(b"]11;rgb:")
    parts = color.split(b"\x1b")[0].split(b"\x07")[0].split(b"/")
    with suppress(ValueError):
        if found and len(parts) == 3:
            red, green, blue = (int(part[:2].ljust(2, b"0"), 16) for part in parts)
            return 0.299 * red + 0.587 * green + 0.114 * blue
    return None


def _query(request: bytes, is_complete: Callable[[bytes], bool]) -> bytes:
    descriptor = sys.stdin.fileno()
    answer = b""
    try:
        before = termios.tcgetattr(descriptor)
    except termios.error:
        return b""
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, request)
        deadline = time.monotonic() + ANSWER_SECONDS
        while not is_complete(answer) and (left := deadline - time.monotonic()) > 0:
            if select.select([descriptor], [], [], left)[0]:
                answer += os.read(descriptor, 1024)
    except OSError:
        return b""
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
    return answer
