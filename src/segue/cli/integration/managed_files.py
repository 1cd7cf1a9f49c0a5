"""Files that we write among others' files: known again by a seal, and never overwritten if they are not ours."""

from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from segue.cli.output.terminal import Failure
from segue.files import replace_file

SEAL = "written by `segue service install`, unchanged as long as sha256 is "
MODE = 0o644


class State(StrEnum):
    """What is at the place of a file of ours."""

    ABSENT = "not installed"
    CURRENT = "installed"
    OLD = "installed, and out of date: run segue service install"
    FOREIGN = "not ours, or changed by hand"


def with_checksum(text: str) -> str:
    """The text with a comment at its end by which it is known to be ours and as we wrote it."""
    seal = f"{SEAL}{sha256(text.encode()).hexdigest()}"
    return text + (f"<!-- {seal} -->\n" if text.startswith("<?xml") else f"# {seal}\n")


def state_of(path: Path, text: str) -> State:
    """What is there, compared with the text that should be."""
    if path.is_symlink():
        return State.FOREIGN
    try:
        found = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return State.ABSENT
    except (OSError, UnicodeDecodeError):
        return State.FOREIGN
    if found == with_checksum(text):
        return State.CURRENT
    body = found[: found.rfind("\n", 0, -1) + 1]
    return State.OLD if with_checksum(body) == found else State.FOREIGN


def refuse_foreign(path: Path, text: str, *, force: bool) -> None:
    """Failure if something else is there, unless forced."""
    if not force and state_of(path, text) is State.FOREIGN:
        raise Failure(f"{path} is not ours or was changed by hand; move it away, or use --force")


def write(path: Path, text: str) -> None:
    """Write the sealed text, whole or not at all."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    replace_file(path, with_checksum(text).encode(), mode=MODE)


def remove(path: Path) -> bool:
    """Whether something was there; an empty directory that was made for it goes too."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    if path.parent.name.endswith(".d"):
        with suppress(OSError):
            path.parent.rmdir()
    return True
