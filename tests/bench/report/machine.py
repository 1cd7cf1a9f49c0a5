"""A description of the machine in one line."""

import os
import platform
import sqlite3
import sys
from pathlib import Path


def machine() -> str:
    """Return processor, memory, kernel, versions, and the load average before the benchmark."""
    return ", ".join(
        [
            f"{os.cpu_count()} × {_processor()}",
            f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GiB",
            f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
            f"Python {platform.python_version()}",
            f"SQLite {sqlite3.sqlite_version}",
            f"{os.getloadavg()[0]:.1f} load average",
        ]
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine() or sys.platform
