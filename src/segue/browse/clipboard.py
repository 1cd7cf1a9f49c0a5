"""Copy text: by the system's own program where there is one, else by the escape sequence OSC 52 of the terminal."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

OSC_BYTES = 74_000
"""Bytes: what terminals accept in one OSC 52. A longer text goes to a file."""

SECONDS = 2.0


def copy(text: str, by_terminal: Callable[[str], None]) -> str:
    """Copy a text and return what took it, such as `tmux` or the path of a file."""
    for name, command in _programs():
        if _run(command, text):
            return name
    if len(text.encode()) > OSC_BYTES:
        return _to_file(text)
    by_terminal(text)
    return "the terminal"


def _programs() -> Iterator[tuple[str, list[str]]]:
    """Yield the programs that reach the clipboard of the screen before the user, the best first."""
    over_network = bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))
    candidates = [
        (sys.platform == "darwin" and not over_network, "pbcopy", ["pbcopy"]),
        # Without -w, the default configuration of tmux keeps the text from the terminal.
        (bool(os.environ.get("TMUX")), "tmux", ["tmux", "load-buffer", "-w", "-"]),
        (bool(os.environ.get("WAYLAND_DISPLAY")) and not over_network, "wl-copy", ["wl-copy"]),
        (bool(os.environ.get("DISPLAY")) and not over_network, "xclip", ["xclip", "-selection", "clipboard"]),
    ]
    for is_there, name, command in candidates:
        if is_there and shutil.which(command[0]):
            yield name, command


def _run(command: list[str], text: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - the command is one of the above
            command, input=text.encode(errors="replace"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _to_file(text: str) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="segue-", suffix=".md", delete=False, encoding="utf-8") as file:
        file.write(text)
    return file.name
