"""The data exports of chat services: a list of conversations in `conversations.json`, often in a ZIP."""

import zipfile
from pathlib import Path
from typing import Any

import msgspec

DOCUMENT = "conversations.json"
MAX_BYTES = 4 * 2**30
"""Bytes. A larger document is refused, because a crafted ZIP could fill the memory."""


def conversations(item: Path) -> list[dict[str, Any]]:
    """Return the conversations of an archive or of the document alone.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no list of conversations.
    """
    try:
        found = msgspec.json.decode(_document(item))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"no {DOCUMENT} in the archive") from error
    if not isinstance(found, list):
        raise ValueError(f"{DOCUMENT} holds no list")
    return [entry for entry in found if isinstance(entry, dict)]


def _document(item: Path) -> bytes:
    if not zipfile.is_zipfile(item):
        return item.read_bytes()
    with zipfile.ZipFile(item) as archive:
        name = next((name for name in archive.namelist() if Path(name).name == DOCUMENT), DOCUMENT)
        if archive.getinfo(name).file_size > MAX_BYTES:
            raise ValueError(f"{DOCUMENT} has more than {MAX_BYTES} bytes")
        return archive.read(name)
