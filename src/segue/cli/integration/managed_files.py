"""Files written for other programs. A checksum at the end shows whether another program or the user changed them."""

from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from segue.cli.output.terminal import Failure
from segue.files import replace_file

MARK = "written by `segue service install`, unchanged as long as sha256 is "
MODE = 0o644


class State(StrEnum):
    """The state of a managed file."""

    ABSENT = "not installed"
    CURRENT = "installed"
    OLD = "installed, and out of date: run segue service install"
    FOREIGN = "written by another program or edited"


def with_checksum(text: str) -> str:
    """Return the text with a final comment that contains its checksum."""
    mark = f"{MARK}{sha256(text.encode()).hexdigest()}"
    if text.startswith("<?xml"):
        return f"{text}<!-- {mark} -->\n"
    return f'{text}.\\" {mark}\n' if text.startswith(".TH") else f"{text}# {mark}\n"


def state_of(path: Path, text: str) -> State:
    """Compare a file with the text that it should have."""
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
    """Check that a file may be overwritten.

    Raises:
        Failure: Another program wrote the file, or it was edited, and `force` is false.
    """
    if not force and state_of(path, text) is State.FOREIGN:
        raise Failure(f"{path} was written by another program or edited; move it away, or use --force")


def write(path: Path, text: str) -> None:
    """Write the text with its checksum, atomically."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    replace_file(path, with_checksum(text).encode(), mode=MODE)


def remove(path: Path) -> bool:
    """Remove a file and its empty `.d` directory, and return True if the file existed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    if path.parent.name.endswith(".d"):
        with suppress(OSError):
            path.parent.rmdir()
    return True
