"""The place of a process: its directory, the repository that holds it, and its terminal.

`find_project` decides what git would, without git, because a prompt must not start a process. The scripts of the
shells repeat its rules; tests/process/shell/test_shell_project.py compares them.

1. Walk up from the directory to the nearest one with a `.git`. The root of the file system and the home directory do
   not count, because each would make one project of everything below.
2. A directory `.git` with a `HEAD` is a repository. So is a file `.git` that begins with `gitdir: `: a worktree, a
   submodule or a separate git directory.
3. A worktree's git directory names the common one in `commondir`. All worktrees share its project: the directory that
   holds it if its name begins with a dot (`/src/app/.git`, `/src/app/.bare`), else itself (`/srv/app.git`).
4. Variables such as GIT_DIR do not count, so that a hook and the prompt agree. A bare repository has no working files,
   so inside it the plain rule applies.
"""

import os
import stat
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segue.config import SessionConfig

FILE_BYTES = 8192
"""Bytes: the part of a file that is read. A path has at most 4096."""


def current_place(config: "SessionConfig | None") -> dict[str, str]:
    """Return the parameters that name the place of this process in `session.resolve` and similar methods.

    None stands for the default configuration.

    Raises:
        FileNotFoundError: the current directory was removed.
    """
    directory = os.getcwd()  # noqa: PTH109 - Path changes bytes that are not UTF-8
    place = {"working_dir": wire_path(directory)}
    if (project := find_project(directory)) is not None:
        place |= {"project": wire_path(project), "scope": "project" if config is None else config.scope}
    if config is not None and config.affinity == "terminal" and (terminal := find_terminal()) is not None:
        place["terminal"] = terminal
    return place


def find_project(directory: str) -> str | None:
    """Return the root of the repository that holds a physical directory, or None if there is none."""
    skipped = home_directory()
    at = directory.rstrip("/")
    while at:
        if at != skipped and (found := _root_at(at)) is not None:
            return found
        at = at.rpartition("/")[0]
    return None


def home_directory() -> str:
    """Return the physical home directory, or an empty string if HOME is not set."""
    home = os.environ.get("HOME", "")
    return os.path.realpath(home) if home else ""


def find_terminal() -> str | None:
    """Return a text that identifies the terminal of this process, or None if it has none.

    It is the session of the kernel: its leader, usually the first shell of the window or tmux pane, and when that
    started. A device such as /dev/pts/3 is used again by the next window, and variables such as TMUX_PANE and
    TERM_SESSION_ID are inherited by programs of another terminal.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        leader = os.getsid(0)
    except OSError:
        return None
    return f"{os.uname().nodename}:{leader}:{_start_time(leader)}"


def terminal_mark() -> str | None:
    """Return a digest of the terminal of this process, which names neither the machine nor the process."""
    terminal = find_terminal()
    return None if terminal is None else f"{zlib.crc32(terminal.encode()):08x}"


def _root_at(directory: str) -> str | None:
    git = f"{directory}/.git"
    if os.path.exists(f"{git}/HEAD"):  # noqa: PTH110 - Path raises for a name with NUL or without permission
        return directory
    target = _first_line(git)
    if not target.startswith("gitdir: "):
        return None
    git = os.path.join(directory, target.removeprefix("gitdir: "))  # noqa: PTH118
    common = _first_line(f"{git}/commondir")
    if not common:
        return directory
    common = os.path.realpath(f"{git}/{common}" if not common.startswith("/") else common)
    parent, _, name = common.rpartition("/")
    return parent if name.startswith(".") and parent else common


def _first_line(path: str) -> str:
    return _read(path).partition("\n")[0].rstrip("\r")


def _read(path: str) -> str:
    """Return the beginning of a regular file, or an empty string if there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return ""
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.fsdecode(os.read(descriptor, FILE_BYTES)) if is_file else ""
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def wire_path(path: str) -> str:
    r"""Return a path for a parameter: bytes that are not UTF-8 become `\xHH`, as the wire contract says."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _start_time(process: int) -> str:
    """Return when a process started, as Linux or `ps` shows it; an empty string if the process is gone."""
    if facts := _read(f"/proc/{process}/stat"):
        return facts.rpartition(")")[2].split()[19]  # The name before it may hold blanks and parentheses.
    import subprocess  # Not at the top, because its import takes longer than all of this.

    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    command = ["ps", "-o", "lstart=", "-p", str(process)]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    except OSError:
        return ""
    return " ".join(shown.stdout.split())
