"""CPU time and memory of a process and its descendants from /proc; None without /proc."""

import os
from pathlib import Path

PROC = Path("/proc")


def process_tree(pid: int) -> list[int]:
    """Return the process ids of a process and its descendants."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        if (fields := _stat(int(folder.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def cpu_seconds(pid: int) -> float | None:
    """Return the user and system time of the running processes of a tree, in steps of 10 ms."""
    if not PROC.exists():
        return None
    ticks = sum(int(fields[11]) + int(fields[12]) for one in process_tree(pid) if (fields := _stat(one)) is not None)
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int | None:
    """Return the resident bytes of a process tree. With several processes, each shared page counts once (PSS)."""
    if not PROC.exists():
        return None
    pids = process_tree(pid)
    return sum(_kilobytes(one, "Rss" if len(pids) == 1 else "Pss") for one in pids) * 1024


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the name, which may hold any character."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # The process has ended.
        return None


def _kilobytes(pid: int, name: str) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
