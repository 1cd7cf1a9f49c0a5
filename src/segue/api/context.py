"""What a handler is given: the store, the settings and the daemon it runs in."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from segue.config import Config

if TYPE_CHECKING:
    # Clients import the method definitions and must not pay for the engine.
    from segue.store.engine import Store
    from segue.types import CleanupResult, DaemonStatus, DatabaseStatus


class Daemon(Protocol):
    """What the methods ask of the daemon around them."""

    def status(self, database: "DatabaseStatus") -> "DaemonStatus":
        """The state of everything but the file, which is handed in."""

    def stop(self) -> None:
        """Begin to drain."""

    def purge(self) -> None:
        """Something large was deleted: remove it from the file when there is time."""

    async def clean_up(self) -> "CleanupResult":
        """Delete what is too old or too much, now."""

    def discover(self) -> Any:
        """The discovery document."""


class Context(NamedTuple):
    """The first argument of every method."""

    store: "Store"
    config: Config
    daemon: Daemon
