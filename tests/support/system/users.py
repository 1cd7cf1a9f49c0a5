"""Programs of another user of the machine; only root can start them.

The other user may not be able to read the interpreter, so a child imports everything as root and then changes its user.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.wire import TIMEOUT_SECONDS

NOBODY = 65534

AM_ROOT = os.geteuid() == 0

_CHANGE = f"import os; os.setgroups([]); os.setresgid(*[{NOBODY}] * 3); os.setresuid(*[{NOBODY}] * 3)"

_LOAD = "import anyio._backends._asyncio, importlib.readers, uvloop; from segue import store; store.load_all(); "
_LOAD += "from segue.server.main import main"

SEGUED_OF_NOBODY = [sys.executable, "-c", f"{_LOAD}; {_CHANGE}; main()"]
"""The command of a `segued` of an ordinary user, for whom file modes apply; its options follow."""


def give_to_nobody(folder: Path) -> None:
    """Change the owner of a folder and everything in it to the other user."""
    for path in (folder, *folder.glob("**/*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def run_as_nobody(code: str, *arguments: str) -> str:
    """Run a Python program as the other user and return its output. `os`, `socket` and `sys` are imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"import encodings.idna, socket, sys; {_CHANGE}; exec({code!r})", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    return done.stdout.strip()
