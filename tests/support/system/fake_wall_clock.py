"""`segued` whose wall clock is off by the milliseconds in a file, at once when they change: `shifted.py FILE OPTIONS…`.

libfaketime does this for any program, but its waits for a lock spin in one of several threads: ten appends a second.
"""

import mmap
import struct
import sys
import time
from pathlib import Path
from types import SimpleNamespace

SIZE = 8


class WallClock:
    """The file, as the test sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(SIZE))

    def set(self, ms: int) -> None:
        """Be so far off from now on."""
        with self.path.open("r+b") as file:
            file.write(struct.pack("q", ms))


def main() -> None:
    """Be segued."""
    import segue.timestamps
    from segue.server.main import main as segued

    with Path(sys.argv.pop(1)).open("r+b") as file:
        memory = mmap.mmap(file.fileno(), SIZE)
    shifted = SimpleNamespace(time_ns=lambda: time.time_ns() + struct.unpack("q", memory)[0] * 1_000_000)
    vars(segue.timestamps)["time"] = shifted
    segued()


if __name__ == "__main__":
    main()
