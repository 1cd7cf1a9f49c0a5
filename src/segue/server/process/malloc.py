"""One glibc setting, so that the memory of a large request returns to the system with the response.

By default glibc raises its mmap threshold to the largest block that was ever freed. Lines of 16 MiB then come from the
heap, and one small block behind them keeps all of it: 300 MiB after twenty such lines, 60 MiB with this setting.
"""

import ctypes
import sys

MMAP_THRESHOLD = -3
"""The number of M_MMAP_THRESHOLD in glibc's malloc.h."""

LARGE_BYTES = 2**20
"""Bytes: glibc maps blocks of this size and larger separately."""


def return_large_blocks() -> None:
    """Fix the mmap threshold of glibc, so that it unmaps every large block that is freed."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(MMAP_THRESHOLD, LARGE_BYTES)
