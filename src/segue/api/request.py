"""Define the context of a request: the store, the configuration, the daemon and the connection."""

from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from msgspec import UNSET

from segue.config import Config

if TYPE_CHECKING:
    # Not at run time, because clients import the method definitions and must not load the store.
    from segue.events import Filter
    from segue.models import EndStatus, Message, Session
    from segue.redaction.streaming import StreamRedactor
    from segue.results import Appended, BackupResult, CleanupResult, ScrubResult, Subscribed
    from segue.runtime.progress import RunningJobs
    from segue.status_results import DaemonStatus, DatabaseStatus, JobStatus, SyncStatus
    from segue.store.records.message.stream import Begun
    from segue.store.store import Store


T = TypeVar("T")


class Opening(NamedTuple):
    """The first content of a message to be streamed, and what holds the rest back that may begin a secret."""

    content: str
    redactor: "StreamRedactor | None"


class StreamControl(Protocol):
    """The messages that are being streamed, by their connections."""

    async def open(self, content: str) -> Opening:
        """Return the part of the content to begin a message with."""

    async def begin(
        self, client: "ClientConnection", opening: Opening, write: Callable[[], Awaitable["Begun"]], *, keyed: bool
    ) -> "Appended":
        """Store a message with `write`, and make the connection its owner."""

    async def delta(self, client: "ClientConnection", message_id: int, text: str) -> None:
        """Add text to a message of the connection."""

    async def finish(self, client: "ClientConnection", message_id: int, changes: dict[str, Any]) -> "Message":
        """End a message of the connection and return it."""

    async def flush(self, *, session_id: str | None = None, message_id: int | None = None) -> None:
        """Store the text that was added before the call."""


class SyncControl(Protocol):
    """The account of the database, and the rounds of sync."""

    async def init(self, url: str, name: str | None) -> str:
        """Make a key and an account, and return the invitation."""

    async def join(self, url: str, invitation: str, name: str | None) -> None:
        """Join the account of an invitation."""

    def invite(self) -> str:
        """Return the invitation."""

    async def sync(self, *, accept_deletions: bool = False) -> "SyncStatus":
        """Do both directions now."""

    async def rekey(self) -> str:
        """Replace the key, and return the invitation."""

    async def status(self) -> "SyncStatus":
        """Return the state of sync."""

    async def forget(self, machine: str) -> None:
        """Take over the batches of a machine that is gone for good."""

    async def leave(self, *, erase: bool) -> None:
        """Turn sync off."""


class DaemonControl(Protocol):
    """The parts of the running daemon that methods use."""

    @property
    def sync(self) -> SyncControl:
        """Return the account of the database, and the rounds of sync."""

    @property
    def streams(self) -> StreamControl:
        """Return the messages that are being streamed."""

    @property
    def jobs(self) -> "RunningJobs":
        """Return the long jobs that run now."""

    def status(
        self, database: "DatabaseStatus", waiting: "list[JobStatus]", *, deleted_remains: bool
    ) -> "DaemonStatus":
        """Return the state of the daemon. The caller passes the state of the database and what is due in it."""

    def stop(self) -> None:
        """Begin to drain."""

    def schedule_purge(self) -> None:
        """Remove deleted rows from the file in a background task."""

    async def index_messages(self) -> None:
        """Index every message that was appended before the call."""

    async def count_messages(self) -> None:
        """Keep figures of the messages that were appended before the call, for statistics."""

    async def fork(self, session_id: str, upto_message_id: int | None, name: str | None) -> "Session":
        """Copy a session, and return the copy when it is complete."""

    async def run_cleanup(self) -> "CleanupResult":
        """Delete expired sessions, and those over `session.max_sessions`."""

    async def redact(self, value: T) -> T:
        """Return the value without secrets."""

    async def scrub(self, *, dry_run: bool) -> "ScrubResult":
        """Remove secrets from everything that is stored."""

    async def back_up(self, path: str, *, overwrite: bool) -> "BackupResult":
        """Copy the database to the path."""

    async def attach(self, client: "ClientConnection", session_id: str) -> "Session":
        """Attach the connection to the session."""

    async def end(self, client: "ClientConnection", session_id: str, status: "EndStatus") -> "Session":
        """End the session and detach the connection: both or neither."""

    async def detach(self, client: "ClientConnection", session_id: str) -> None:
        """Detach the connection, and change nothing else."""

    def discover(self) -> Any:
        """Return the discovery document."""


class ClientConnection(Hashable, Protocol):
    """The connection of a request, as far as methods use it."""

    def subscribe(self, wanted: "Filter", cursor: str | None) -> "Subscribed":
        """Subscribe the connection to the events after the cursor, or from now on.

        Raises:
            Overloaded: the connection has too many subscriptions.
        """

    def unsubscribe(self, subscription_id: str) -> bool:
        """End a subscription. Return True if the connection had it."""

    def own(self, resource: Hashable, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close` when the connection ends, unless `disown` is called before."""

    def disown(self, resource: Hashable) -> None:
        """Forget a resource, because the client released it."""


class Context(NamedTuple):
    """The first argument of every handler: one per connection."""

    store: "Store"
    config: Config
    daemon: DaemonControl
    client: ClientConnection
    redaction_lock: AbstractAsyncContextManager[Any]

    async def redact(self, value: T) -> T:
        """Return a value for storing: without secrets, if `privacy.redact` is on."""
        if not self.config.privacy.redact or value is UNSET:
            return value
        # In order, because a short message of a batch must not overtake a long one that another thread redacts.
        async with self.redaction_lock:
            return await self.daemon.redact(value)
