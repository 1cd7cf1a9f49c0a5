"""The user's editor, for texts that are too long for a command line."""

import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from segue.cli.output.terminal import Failure


def run_editor(file: Path) -> None:
    """Open a file in VISUAL or EDITOR, and wait until the editor ends.

    Raises:
        Failure: The editor cannot run, or it fails.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    # The shell runs the editor, because the variable may contain options.
    with ExitStack() as opened:
        keyboard = None
        if sys.stdin is None or not sys.stdin.isatty():  # A pipe, which held a part of the text
            with suppress(OSError):
                keyboard = opened.enter_context(open("/dev/tty", "rb"))  # noqa: PTH123 - A device
        done = subprocess.run(["/bin/sh", "-c", f"{editor} {shlex.quote(str(file))}"], stdin=keyboard, check=False)  # noqa: S603
    if done.returncode:
        raise Failure(f"the editor failed with exit status {done.returncode}: {editor}")


def edit_text(text: str) -> str:
    """Return the text as the user edited it in a private temporary file."""
    with tempfile.TemporaryDirectory(prefix="segue-") as folder:
        file = Path(folder) / "message.md"
        file.write_text(text, encoding="utf-8")
        run_editor(file)
        try:
            edited = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"cannot read the edited text: {error}") from None
    # Editors end a text with a line end.
    return edited if text.endswith("\n") else edited.removesuffix("\n")
