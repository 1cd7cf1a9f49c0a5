"""Every mode that a file was ever seen to have."""

import os
import stat
import threading
from pathlib import Path
from typing import Self


class Watcher:
    """Looks at every file below a folder, again and again, and keeps each mode that it saw."""

    def __init__(self, folder: Path) -> None:
        self.seen: dict[str, set[int]] = {}
        self._folder = folder
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            self._look(self._folder)

    def _look(self, folder: Path | str) -> None:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._note(entry)
        except OSError:
            return

    def _note(self, entry: os.DirEntry[str]) -> None:
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError:
            return
        self.seen.setdefault(os.path.relpath(entry.path, self._folder), set()).add(stat.S_IMODE(mode))
        if stat.S_ISDIR(mode):
            self._look(entry.path)
