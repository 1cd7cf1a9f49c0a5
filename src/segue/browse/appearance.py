"""The appearance that the user chose, kept from run to run in a file of the state folder."""

from contextlib import suppress
from pathlib import Path

import msgspec
import platformdirs

from segue.files import FILE_MODE, make_own_directory, replace_file

FILE = "browse.json"


class Looks(msgspec.Struct, omit_defaults=True):
    """The settings that keys change. None or the default: nothing was chosen."""

    theme: str | None = None
    dense: bool = False
    order: str = "project"
    list_cells: int | None = None
    wrap: bool = True


def path_of() -> Path:
    """Return the path of the file."""
    return platformdirs.user_state_path("segue") / FILE


def load() -> Looks:
    """Return what was chosen; a file that is missing or damaged holds nothing."""
    try:
        return msgspec.json.decode(path_of().read_bytes(), type=Looks)
    except (OSError, msgspec.DecodeError):
        return Looks()


def save(looks: Looks) -> None:
    """Keep what was chosen, if the folder can be written."""
    path = path_of()
    with suppress(OSError):
        make_own_directory(path.parent)
        replace_file(path, msgspec.json.encode(looks), mode=FILE_MODE)
