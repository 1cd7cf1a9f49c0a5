"""A wait for several file descriptors."""

import math
import select
import sys
from collections.abc import Collection

USE_POLL = sys.platform != "darwin"
"""False on macOS, where poll() does not support terminals. select() supports no descriptor above 1023."""


def wait(
    reading: Collection[int], writing: Collection[int] = (), timeout: float | None = None
) -> tuple[list[int], list[int]]:
    """Return the descriptors that are ready to read and those that are ready to write, or none after the timeout.

    A descriptor whose other end is closed counts as ready. `reading` and `writing` must not overlap.
    """
    if not USE_POLL:
        return select.select(reading, writing, (), timeout)[:2]
    poll = select.poll()
    for descriptor in reading:
        poll.register(descriptor, select.POLLIN)
    for descriptor in writing:
        poll.register(descriptor, select.POLLOUT)
    ready = {descriptor for descriptor, _ in poll.poll(None if timeout is None else math.ceil(timeout * 1000))}
    return [one for one in reading if one in ready], [one for one in writing if one in ready]
