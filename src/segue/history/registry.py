"""The readers that are installed: segue's own and those of other packages, found by entry points."""

from importlib.metadata import entry_points

from segue.config import READERS
from segue.errors import StartError
from segue.history.reader import Reader


def readers() -> dict[str, Reader]:
    """Return a reader of each tool by the tool's name, in the order of their names.

    Raises:
        StartError: a package's reader cannot be loaded, or two readers have one name.
    """
    found: dict[str, Reader] = {}
    for point in sorted(entry_points(group=READERS), key=lambda point: point.name):
        try:
            reader: Reader = point.load()()
        except Exception as error:
            raise StartError("history", f"cannot load the reader {point.value}: {error}") from error
        if found.setdefault(reader.name, reader) is not reader:
            raise StartError("history", f"two readers are named {reader.name!r}; uninstall one of their packages")
    return found
