"""Send what the daemon does not have of a session, in requests of bounded size.

A message that the daemon refuses, such as one whose arguments are nested too deeply, costs itself only.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from segue.client import Client
from segue.errors import InvalidData, InvalidParams, TooLarge
from segue.history.convert import encode, params_of, session_params, with_times
from segue.history.importing.counts import Counts
from segue.history.importing.known import DIGEST
from segue.history.importing.rest import restore_bot, restore_rest
from segue.history.records import HistoryMessage, HistorySession
from segue.timestamps import timestamp, wall_ms

BATCH_MESSAGES = 80
"""Messages of one request. The daemon stores them in about 2 ms, in which other clients wait."""

BATCH_BYTES = 256 * 2**10
"""Bytes of one request."""

REMEMBERED_SESSIONS = 32
"""Sessions whose messages are remembered, so that a session that grows is not sent again as a whole."""

REFUSED = (InvalidData, InvalidParams, TooLarge)


class Origin(NamedTuple):
    """The file that sessions were read from."""

    tool: str
    path: str
    changed_at: str
    """The time of its last change, for what has no time."""


class Sender:
    """The requests of an import."""

    def __init__(self, client: Client, counts: Counts, *, restore: bool) -> None:
        self._client = client
        self._counts = counts
        self._restore = restore
        self._sent: OrderedDict[tuple[str, str], dict[str, int]] = OrderedDict()
        """The hash of each message by key, of the sessions that were sent last."""

    def send(self, source: Origin, session: HistorySession, digest: str, *, is_known: bool) -> str:
        """Send what differs from what was sent before, and return the id of the session.

        Raises:
            Conflict: the session was deleted in the daemon, and is not to be restored.
            InvalidData, InvalidParams, TooLarge: the daemon refuses the session itself.
        """
        now, session_id = wall_ms(), ""
        if session.bot is not None:
            restore_bot(self._client, session.bot, session.started_at or timestamp(now))
        tool, path, changed_at = source
        about = session_params(session, now, changed_at)
        sent = self._sent.pop((tool, session.id), {}) if is_known else {}
        hashes: dict[str, int] = {}
        first_at = None if is_known else changed_at  # Stored messages without a time keep the one that they got.
        batches = list(_batches(_changed(with_times(session, now, first_at), sent, hashes)))
        for number, batch in enumerate(batches, 1):
            if number == len(batches):
                about |= {"metadata": about["metadata"] | {DIGEST: digest}}
            origin = {"tool": tool, "id": session.id, "path": path}
            session_id = self._send_batch({"source": origin, "session": about, "restore": self._restore}, batch)
        restore_rest(self._client, session, session_id)
        self._sent[tool, session.id] = hashes
        if len(self._sent) > REMEMBERED_SESSIONS:
            self._sent.popitem(last=False)
        return session_id

    def _send_batch(self, params: dict[str, Any], batch: list[msgspec.Raw]) -> str:
        """Send a batch, without the messages that the daemon refuses; return the id of the session."""
        try:
            result = self._client.request("session.import", params | {"messages": batch})
        except REFUSED as error:
            if not batch:
                raise
            if len(batch) == 1:
                self._counts.skipped[f"message that segued refuses ({error})"] += 1
            for part in [[message] for message in batch] if len(batch) > 1 else [[]]:
                session_id = self._send_batch(params, part)
            return session_id
        self._counts.added += result["added"]
        self._counts.updated += result["updated"]
        self._counts.unchanged += result["unchanged"]
        return str(result["session_id"])


def _changed(
    messages: Iterable[tuple[HistoryMessage, str | None]], sent: dict[str, int], hashes: dict[str, int]
) -> Iterator[msgspec.Raw]:
    """Yield the parameters of each message that differs from what was sent; add the hash of every one to `hashes`."""
    for message, at in messages:
        hashes[message.key] = value = hash((msgspec.json.encode(message), at))
        if sent.get(message.key) != value:
            yield from (msgspec.Raw(encode(params)) for params in params_of(message, at))


def _batches(messages: Iterable[msgspec.Raw]) -> Iterator[list[msgspec.Raw]]:
    """Yield the messages in requests of bounded size, one empty request for none."""
    batch: list[msgspec.Raw] = []
    size, sent = 0, False
    for message in messages:
        length = len(memoryview(message))
        if batch and (len(batch) >= BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size, sent = [], 0, True
        batch.append(message)
        size += length
    if batch or not sent:
        yield batch
