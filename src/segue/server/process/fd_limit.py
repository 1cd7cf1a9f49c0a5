"""The limit on open files: raised at start, and reserved in part so that clients cannot exhaust it."""

import resource

from msgspec.structs import replace

from segue.config import Limits

WANTED_DESCRIPTORS = 65536
"""Open files. The soft limit at start, if the hard limit allows; each client uses one."""

RESERVED_DESCRIPTORS = 64
"""Open files that clients may not use. The store, its locks and the event loop keep about 30 open. Concurrent reads on
connections of their own, a backup, a new socket and a new record take up to 16 more."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit to WANTED_DESCRIPTORS, or to the hard limit if that is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def clamp_clients(limits: Limits) -> tuple[Limits, str | None]:
    """Return the limits with as many clients as descriptors allow, at least one, and a warning if that is fewer."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or limits.clients + RESERVED_DESCRIPTORS <= soft:
        return limits, None
    clients = max(1, soft - RESERVED_DESCRIPTORS)
    warning = f"limits.clients is {clients} instead of {limits.clients}: the process may open {soft} files only"
    return replace(limits, clients=clients), warning
