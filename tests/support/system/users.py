"""Another user of the machine, whom only root can become.

The interpreter may lie where that user cannot reach it, so a child loads everything as root and changes then.
"""

import os
import subprocess
import sys
from pathlib import Path

NOBODY = 65534

AM_ROOT = os.geteuid() == 0

_CHANGE = f"import os; os.setgroups([]); os.setresgid(*[{NOBODY}] * 3); os.setresuid(*[{NOBODY}] * 3)"

_LOAD = "import anyio._backends._asyncio, importlib.readers, uvloop; from segue.server.main import main"

SEGUED_OF_NOBODY = [sys.executable, "-c", f"{_LOAD}; {_CHANGE}; main()"]
"""A `segued` of an ordinary user, to whom modes apply; its options follow."""


def give_to_nobody(folder: Path) -> None:
    """The folder and all in it become nobody's."""
    for path in (folder, *folder.glob("**/*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def run_as_nobody(code: str, *arguments: str) -> str:
    """What a Python program of nobody's prints; it finds `os`, `socket` and `sys` imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"import encodings.idna, socket, sys; {_CHANGE}; exec({code!r})", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.strip()
