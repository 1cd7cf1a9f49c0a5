"""Let a person pick a row: with fzf if it is installed, else by its number."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice

from segue.cli.output.terminal import Failure

MENU_ROWS = 20
"""Rows: how many the numbered menu shows."""

WIDE_COLUMNS = 140
"""Columns: in a narrower terminal the preview is below the rows."""


def has_terminal() -> bool:
    """Return True if a person can pick."""
    return sys.stdin is not None and sys.stdin.isatty()


def has_fzf() -> bool:
    """Return True if fzf is installed and SEGUE_PICKER does not ask for the menu."""
    return os.environ.get("SEGUE_PICKER") != "menu" and shutil.which("fzf") is not None


def pick_with_fzf(
    rows: Iterable[Sequence[str]], *, prompt: str, preview: str, query: str = "", first_shown: int = 2
) -> list[str] | None:
    """Return the row that a person picks, or None. The cells before the number `first_shown` are not shown.

    `preview` is a command for /bin/sh, in which fzf replaces `{1}`, `{2}` by the quoted cells.

    Raises:
        Failure: fzf cannot run.
    """
    shape = "right,50%,wrap" if _columns() >= WIDE_COLUMNS else "down,50%,wrap"
    options = ["--no-multi", "--delimiter=\t", f"--with-nth={first_shown}..", "--tiebreak=index", f"--prompt={prompt}"]
    options += [f"--preview={preview}", f"--preview-window={shape}", f"--query={query}"]
    text = "".join("\t".join(row) + "\n" for row in rows)
    # fzf draws on standard error, which a caller may have redirected.
    with open("/dev/tty", "wb", buffering=0) as screen:  # noqa: PTH123 - a device
        try:
            done = subprocess.run(  # noqa: S603 - the arguments are options of fzf
                [shutil.which("fzf") or "fzf", *options],
                input=text.encode(errors="replace"),
                stdout=subprocess.PIPE,
                stderr=screen,
                check=False,
                env={**os.environ, "SHELL": "/bin/sh"},
            )
        except OSError as error:
            raise Failure(f"cannot run fzf: {error.strerror}") from None
    found = done.stdout.decode(errors="replace").removesuffix("\n")
    return found.split("\t") if found else None


def pick_by_number(rows: Iterable[Sequence[str]]) -> Sequence[str] | None:
    """Show the first rows with numbers on standard error, and return the row whose number a person types, or None."""
    shown = [*islice(rows, MENU_ROWS)]
    for number, row in enumerate(shown, 1):
        sys.stderr.write(f"{number:3}  {'  '.join(row)}\n")
    sys.stderr.write("number: ")
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    chosen = int(typed) if re.fullmatch(r"[1-9]\d?", typed, re.ASCII) else 0
    return shown[chosen - 1] if 1 <= chosen <= len(shown) else None


def _columns() -> int:
    with suppress(OSError):
        return os.get_terminal_size(sys.stdin.fileno()).columns
    return 80
