"""The file of states: what of each item was imported into a database the last time."""

from pathlib import Path

import msgspec
import platformdirs

from segue.files import FILE_MODE, make_own_directory, replace_file
from segue.history.importer import ItemState

FILE = "import.json"


def path_of(folder: Path | None = None) -> Path:
    """Return the path of the file; the default folder is the user's state folder."""
    return (folder or platformdirs.user_state_path("segue")) / FILE


def load(path: Path, database: Path) -> dict[str, ItemState]:
    """Return the states for a database; a file that is missing or damaged holds none.

    A lost file costs only time: everything is read again and the daemon finds it unchanged.
    """
    return _all(path).get(str(database), {})


def save(path: Path, database: Path, states: dict[str, ItemState]) -> None:
    """Replace the states of a database.

    Raises:
        OSError: the file cannot be written.
    """
    make_own_directory(path.parent)
    found = _all(path) | {str(database): states}
    replace_file(path, msgspec.json.encode(found), mode=FILE_MODE)


def _all(path: Path) -> dict[str, dict[str, ItemState]]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, ItemState]])
    except (OSError, msgspec.DecodeError):
        return {}
