"""Decide which requests a client may send again after the connection was lost."""

from typing import Any

from segue.client.errors import ClientError, ConnectionLost, Unreachable

RETRY_SECONDS = 10.0
"""Seconds: how long a client repeats a request. A service manager restarts the daemon in 1 or 2 s."""

RETRY_PAUSE = 0.1
"""Seconds: the pause between two attempts."""

FOLLOW_PAUSE = 0.3
"""Seconds: the pause between two attempts while a client follows events. A restart takes about as long."""

RESTART_SECONDS = 1.0
"""Seconds: how long a client that lost its daemon waits before it starts one, because a manager may restart it."""

READS = frozenset(
    {
        "bot.get", "bot.list", "context.build", "daemon.ping", "daemon.status", "events.subscribe", "extraction.list",
        "memory.get", "memory.list", "message.count", "message.get", "message.list", "message.search", "rpc.discover",
        "session.complete", "session.export", "session.get", "session.list", "session.prompt", "session.stats",
        "summary.latest",
    }
)  # fmt: skip
"""Names: the methods that change nothing in the database and end soon."""


def can_repeat(name: str, params: Any) -> bool:
    """Return True if executing the request twice has the effect of executing it once: it reads, or has a key."""
    if name in READS or name == "session.import":  # All messages of an import have keys.
        return True
    if not isinstance(params, dict):
        return False
    if name == "session.resolve":
        return params.get("create") is False
    if name in ("message.append", "message.begin", "message.replace"):
        return params.get("key") is not None
    if name == "message.append_many":
        messages = params.get("messages")
        return isinstance(messages, list | tuple) and all(_key(message) is not None for message in messages)
    return False


def may_pass(fault: ClientError) -> bool:
    """Return True if another attempt may succeed: the connection was lost, or no daemon serves yet."""
    return isinstance(fault, ConnectionLost) or (isinstance(fault, Unreachable) and fault.absent)


def _key(message: Any) -> Any:
    return message.get("key") if isinstance(message, dict) else getattr(message, "key", None)
