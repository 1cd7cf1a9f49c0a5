"""Waiting for any of several descriptors."""

import math
import select
import sys
from collections.abc import Collection

POLLS = sys.platform != "darwin"
"""select() knows no descriptor above 1023, poll() knows no terminal on macOS."""


def wait(
    reading: Collection[int], writing: Collection[int] = (), timeout: float | None = None
) -> tuple[list[int], list[int]]:
    """Those that can be read and written without waiting, or at whose other end nobody is; none after the timeout.

    No descriptor may be among both.
    """
    if not POLLS:
        return select.select(reading, writing, (), timeout)[:2]
    poll = select.poll()
    for descriptor in reading:
        poll.register(descriptor, select.POLLIN)
    for descriptor in writing:
        poll.register(descriptor, select.POLLOUT)
    ready = {descriptor for descriptor, _ in poll.poll(None if timeout is None else math.ceil(timeout * 1000))}
    return [one for one in reading if one in ready], [one for one in writing if one in ready]
