"""`segued` with a wall clock that is off by the milliseconds in a file: `fake_wall_clock.py FILE OPTIONS…`.

The clock changes as soon as the file does. libfaketime does this for any program, but a thread that waits for a lock
spins under it, and only ten appends a second remain.
"""

import mmap
import struct
import sys
import time
from pathlib import Path
from types import SimpleNamespace

SIZE = 8


class WallClock:
    """The file with the milliseconds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(bytes(SIZE))

    def set(self, ms: int) -> None:
        """Set the milliseconds by which the clock is off."""
        with self.path.open("r+b") as file:
            file.write(struct.pack("q", ms))


def main() -> None:
    """Run segued."""
    import segue.timestamps
    from segue.server.main import main as segued

    with Path(sys.argv.pop(1)).open("r+b") as file:
        memory = mmap.mmap(file.fileno(), SIZE)
    shifted = SimpleNamespace(time_ns=lambda: time.time_ns() + struct.unpack("q", memory)[0] * 1_000_000)
    vars(segue.timestamps)["time"] = shifted
    segued()


if __name__ == "__main__":
    main()
