"""CPU time and memory of a process and all its children, from /proc; None where there is none."""

import os
from pathlib import Path

PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        if (fields := _stat(int(folder.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def cpu_seconds(pid: int) -> float | None:
    """User and system time of the family since it began, in steps of 10 ms; what has ended does not count."""
    if not PROC.exists():
        return None
    ticks = sum(int(fields[11]) + int(fields[12]) for one in family(pid) if (fields := _stat(one)) is not None)
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int | None:
    """Resident bytes; of several processes each shared page once (PSS), or PostgreSQL's would count 33 times."""
    if not PROC.exists():
        return None
    pids = family(pid)
    return sum(_kilobytes(one, "Rss" if len(pids) == 1 else "Pss") for one in pids) * 1024


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on: a name may hold anything."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return None


def _kilobytes(pid: int, name: str) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
