"""The scripted workload of the fault sweep, which checks afterwards that every answered write is stored."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from segue.errors import SegueError
from tests.support.wire import Wire

SESSION = "kept"
TYPED = {"storage", "overloaded", "shutting_down", "not_found"}
"""The error kinds that a fault may cause: `not_found` after a failed creation, never `internal`."""

Group = list[dict[str, Any]]


def _groups() -> list[Group]:
    """Return messages that are appended together; their sizes fill a part of a page, a page, and several pages."""
    sizes = [[10], [5000, 10, 9000], [200], [40_000, 1], [3000]]
    return [
        [{"role": "user", "content": f"word{number} " * (size // 6), "key": f"{number}.{part}"} for part, size in group]
        for number, group in enumerate(list(enumerate(sizes)) for sizes in sizes)
    ]


class Script:
    """A client that calls every writing method once and records the answers."""

    def __init__(self, connect: Callable[[], Wire]) -> None:
        self._connect = connect
        self._wire: Wire | None = None
        self._groups = _groups()
        self._answered: dict[str, int] = {}
        self._refused: set[str] = set()

    def run(self) -> None:
        """Call all methods; fail if the daemon hangs or returns an untyped error."""
        self._try("session.create", id=SESSION)
        for group in self._groups:
            self._append(group)
        self._try("session.create", id="gone")
        self._try("message.append", session_id="gone", role="user", content="y" * 9000)
        self._try("session.fork", session_id=SESSION)
        self._try("memory.save", fact="f", category="fact", importance=3)
        self._try("message.search", query="word1")
        self._try("session.delete", session_id="gone")
        self._try("daemon.check", full=True)
        self._try("daemon.shutdown")
        self.close()

    def check(self, wire: Wire) -> None:
        """Fail unless every answered write is stored, no refused one is, and each other one as a whole or not."""
        with suppress(SegueError):
            wire.call("session.create", id=SESSION)
        held = {message["key"]: message["id"] for message in wire.call("message.list", session_id=SESSION)["messages"]}
        assert {key: held.get(key) for key in self._answered} == self._answered, "lost"
        assert not self._refused & set(held), "stored though refused"
        for group in self._groups:
            assert len({message["key"] in held for message in group}) == 1, "stored in part"
            ids = wire.call("message.append_many", session_id=SESSION, messages=group)["message_ids"]
            kept = [held.get(message["key"]) for message in group]
            assert kept in ([None] * len(group), ids), "stored twice"
        assert wire.call("message.count", session_id=SESSION)["count"] == sum(map(len, self._groups))
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _append(self, group: Group) -> None:
        keys = {message["key"] for message in group}
        answer = self._try("message.append_many", session_id=SESSION, messages=group)
        if isinstance(answer, SegueError):
            if "unknown" not in answer.message:
                self._refused |= keys
        elif answer is not None:
            self._answered.update(zip((message["key"] for message in group), answer["message_ids"], strict=True))

    def _try(self, method: str, **params: Any) -> Any:
        """Return the result or a typed error; None if the connection ended or cannot be made."""
        try:
            self._wire = self._wire or self._connect()
            return self._wire.call(method, **params)
        except TimeoutError:
            raise AssertionError(f"{method} hangs") from None
        except (OSError, EOFError):
            self.close()
            return None
        except SegueError as error:
            if error.kind not in TYPED:
                raise AssertionError(f"{method}: {error.kind}: {error}") from None
            return error
