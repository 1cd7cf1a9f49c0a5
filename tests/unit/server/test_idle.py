"""The idle timer: what keeps a daemon alive although no request arrives."""

from types import SimpleNamespace
from typing import Any

import anyio

from segue.server.daemon import Daemon
from segue.server.process.sd_notify import Notifier
from segue.server.process.signals import Shutdown
from tests.support.wire import TIMEOUT_SECONDS


class ConnectionManager:
    """Connections that have a subscription for the first `checks` checks."""

    def __init__(self, checks: int) -> None:
        self.checks = checks

    @property
    def subscriptions(self) -> int:
        self.checks -= 1
        return int(self.checks >= 0)


async def test_a_daemon_with_a_subscription_does_not_exit(anyio_backend: Any) -> None:
    shutdown, connections = Shutdown(), ConnectionManager(checks=5)
    app: Any = SimpleNamespace(
        attachments=[],
        streams=[],
        connections=connections,
        busy=False,
        dispatcher=SimpleNamespace(last_used=float("-inf")),
    )
    unused: Any = SimpleNamespace()
    daemon = Daemon(unused, app, shutdown, unused, Notifier(), lambda: 0.0)
    with anyio.fail_after(TIMEOUT_SECONDS):
        await daemon._exit_when_idle(0.01)
    assert shutdown.requested.is_set()
    assert connections.checks == -1
