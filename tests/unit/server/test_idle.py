"""What keeps a daemon from leaving though nobody asks it anything."""

from types import SimpleNamespace
from typing import Any

import anyio

from segue.server.daemon import Daemon
from segue.server.process.sd_notify import Notifier
from segue.server.process.signals import Shutdown


class ConnectionManager:
    """Followed for as many looks as are given, then no more."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    @property
    def subscriptions(self) -> int:
        self.looks -= 1
        return int(self.looks >= 0)


async def test_a_daemon_that_is_followed_does_not_leave_before_the_last_follower(anyio_backend: Any) -> None:
    stop, clients = Shutdown(), ConnectionManager(looks=5)
    services: Any = SimpleNamespace(
        attachments=[], clients=clients, busy=False, dispatcher=SimpleNamespace(last_used=float("-inf"))
    )
    daemon = Daemon(SimpleNamespace(), services, stop, SimpleNamespace(), Notifier())  # type: ignore[arg-type]
    with anyio.fail_after(20):
        await daemon._exit_when_idle(0.01)
    assert stop.requested.is_set()
    assert clients.looks == -1
