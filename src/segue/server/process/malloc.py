"""Settings of malloc, so that the memory of large requests and of a busy hour returns to the system, and of SQLite.

- By default glibc raises its mmap threshold to the largest block that was ever freed. Lines of 16 MiB then come from
  the heap, and one small block behind them keeps all of it: 300 MiB after twenty such lines, 60 MiB with this setting.
- SQLite keeps up to 2 MiB of pages for each connection. An idle daemon does not need them, and the kernel has them too.
- A heap grows by fragmentation although the number of used bytes stays the same: 3 MiB per minute under a mixed load.
  `malloc_trim` returns the free pages inside the heap too.
- SQLite counts the bytes that it uses, under a lock that each of its allocations takes: an eighth of the time of an
  append's statements. Nothing reads the number.
"""

import _sqlite3
import ctypes
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio

MMAP_THRESHOLD = -3
"""The number of M_MMAP_THRESHOLD in glibc's malloc.h."""

LARGE_BYTES = 2**20
"""Bytes: glibc maps blocks of this size and larger separately."""

TRIM_SECONDS = 30
"""Seconds between two calls of malloc_trim, which takes about 1 ms."""


def return_large_blocks() -> None:
    """Fix the mmap threshold of glibc, so that it unmaps every large block that is freed."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(MMAP_THRESHOLD, LARGE_BYTES)


CONFIG_MEMSTATUS = 9
"""The number of SQLITE_CONFIG_MEMSTATUS in sqlite3.h."""


def stop_counting_in_sqlite() -> None:
    """Switch off SQLite's count of bytes. No connection of this process may be open."""
    with suppress(AttributeError, OSError):  # Python's module hides the functions of a library that is built in.
        library = ctypes.CDLL(_sqlite3.__file__)
        configure = library.sqlite3_config
        configure.argtypes = [ctypes.c_int]  # The rest is passed as to a variadic function.
        library.sqlite3_shutdown()
        configure(CONFIG_MEMSTATUS, ctypes.c_int(0))
        library.sqlite3_initialize()


async def trim_periodically(free_caches: Callable[[], Awaitable[None]]) -> None:
    """Free caches and free pages of the heaps until cancelled; without glibc, return immediately."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    while trim is not None:
        await anyio.sleep(TRIM_SECONDS)
        await free_caches()
        trim(0)
