"""What a handler is given: the store, the settings and the daemon it runs in."""

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from msgspec import UNSET

from segue.config import Config

if TYPE_CHECKING:
    # Clients import the method definitions and must not pay for the engine.
    from segue.events import Filter
    from segue.models import EndStatus, Session
    from segue.results import BackupResult, CleanupResult, DaemonStatus, DatabaseStatus, ScrubResult, Subscribed
    from segue.store.store import Store


T = TypeVar("T")


class DaemonControl(Protocol):
    """What the methods ask of the daemon around them."""

    def status(self, database: "DatabaseStatus", *, deleted_remains: bool) -> "DaemonStatus":
        """The state of everything but the file, which is handed in."""

    def stop(self) -> None:
        """Begin to drain."""

    def purge(self) -> None:
        """Something large was deleted: remove it from the file when there is time."""

    async def index_messages(self) -> None:
        """Index every message that was appended before the call."""

    async def run_cleanup(self) -> "CleanupResult":
        """Delete what is too old or too much, now."""

    async def clean(self, value: T) -> T:
        """The value without secrets, if the configuration says so."""

    async def scrub(self, *, dry_run: bool) -> "ScrubResult":
        """Take secrets out of what is stored."""

    async def back_up(self, path: str, *, overwrite: bool) -> "BackupResult":
        """Copy the database to the path."""

    async def attach(self, client: "ClientConnection", session_id: str) -> "Session":
        """Mark the session as having this client behind it."""

    async def end(self, client: "ClientConnection", session_id: str, status: "EndStatus") -> "Session":
        """End the session and take this client's mark away, both or neither."""

    async def detach(self, client: "ClientConnection", session_id: str) -> None:
        """Take the mark away, without any other change."""

    def discover(self) -> Any:
        """The discovery document."""


class ClientConnection(Hashable, Protocol):
    """What the methods ask of the connection that a request came by."""

    def subscribe(self, wanted: "Filter", cursor: str | None) -> "Subscribed":
        """Tell it of events from the cursor on, else from now on; Overloaded if it has too many subscriptions."""

    def unsubscribe(self, subscription_id: str) -> bool:
        """Tell it no more; whether it had that subscription."""

    def own(self, resource: Hashable, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close` when the connection ends, unless `disown` is called before."""

    def disown(self, resource: Hashable) -> None:
        """Forget a resource, because the client released it."""


class Context(NamedTuple):
    """The first argument of every method."""

    store: "Store"
    config: Config
    daemon: DaemonControl
    client: ClientConnection
    """The connection, told from every other by its hash."""

    async def clean(self, value: T) -> T:
        """Text that a person or a model wrote, to be stored: without secrets, if the configuration says so."""
        return await self.daemon.clean(value) if self.config.privacy.redact and value is not UNSET else value
