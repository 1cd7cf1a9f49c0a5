"""Store an export of segue again: what `segue export --format jsonl` wrote.

1. The sessions are stored in the order in which they were used, which is also the order of lists and of `resolve`.
2. A session that is there with the same messages is left. If it has a first part of them, the others are added, so an
   import that broke off is completed. If it differs, nothing of it is changed.
3. Memories come last and in their order, with the new ids of the messages and memories that they refer to.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from segue.client import Client
from segue.errors import NotFound, SegueError
from segue.history.bundle import Bundle, Rest, fetch
from segue.history.importing.counts import Counts
from segue.history.importing.rest import restore_memories
from segue.history.importing.sending import BATCH_BYTES, BATCH_MESSAGES
from segue.history.reader import open_regular
from segue.runtime.place import wire_path
from segue.runtime.progress import Progress

BEGINNINGS = (b'{"session":{', b'{"bots":[')
"""The beginnings of the lines that an export has."""

NOT_COMPARED = frozenset({"id", "session_id", "state"})
"""Members in which a stored message may differ from the exported one."""


class _Mark(Struct):
    """The members of a session by which a line of an export is recognized."""

    id: str
    bot_id: str
    message_count: int


class _Line(Struct):
    session: _Mark | None = None
    bots: list[Any] | None = None
    memories: list[Any] | None = None
    activity: int = 0


class _Place(NamedTuple):
    """The place of a line in an export."""

    activity: int
    file: Path
    offset: int
    messages: int


_decode_line = msgspec.json.Decoder(_Line).decode


def exports_in(path: Path) -> list[Path]:
    """Return the exports at a path: the file itself, or those in a folder that `--output` wrote; [] if there are none.

    Raises:
        OSError: the path cannot be read.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    return [file for file in files if _is_export(file)]


def _is_export(path: Path) -> bool:
    with open_regular(path) as file:
        if not file.peek(len(BEGINNINGS[0])).startswith(BEGINNINGS):
            return False  # Not even its first line is read, because documents of other tools are one line.
        try:
            line = _decode_line(file.readline())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
    return line.session is not None or (line.bots is not None and line.memories is not None)


class Restorer:
    """The import of exports over one connection."""

    def __init__(self, client: Client, counts: Counts, *, dry_run: bool = False) -> None:
        self.counts = counts
        self._client = client
        self._dry_run = dry_run
        self._memories: list[dict[str, Any]] = []
        self._message_ids: dict[int, int] = {}
        """The new ids of the messages that memories refer to."""

    def run(self, files: list[Path], progress: Progress) -> None:
        """Store what is in the files; a session that cannot be stored is a problem and does not stop the others."""
        self.counts.items += len(files)
        self._progress = progress
        places = self._places(files)
        if places:
            progress.begin("exports of segue", sum(place.messages for place in places), "messages")
        for number, (_, file, offset, messages) in enumerate(places):
            progress.note = f"{number:,} of {len(places):,} lines".replace(",", " ")
            counted = progress.done
            with open_regular(file) as opened:
                opened.seek(offset)
                line = opened.readline()
            try:
                self._restore_line(line)
            except (SegueError, ValueError) as error:
                self.counts.problems.append(f"{wire_path(str(file))}: {error}")
            progress.add(counted + messages - progress.done)
        if not self._dry_run:
            self._restore_memories()

    def _places(self, files: list[Path]) -> list[_Place]:
        """Return the place of each line, in the order in which the sessions were used."""
        found: list[_Place] = []
        for file in files:
            with open_regular(file) as opened:
                offset = 0
                for line in opened:
                    try:
                        mark = _decode_line(line)
                        found.append(
                            _Place(mark.activity, file, offset, mark.session.message_count if mark.session else 0)
                        )
                    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                        self.counts.skipped["damaged line"] += bool(line.strip())
                    offset += len(line)
        return sorted(found)

    def _restore_line(self, line: bytes) -> None:
        if _decode_line(line).session is None:
            rest = msgspec.json.decode(line, type=Rest)
            self._memories += rest.memories
            if not self._dry_run:
                self._client.request("session.restore", {"bots": rest.bots})
            return
        bundle = msgspec.json.decode(line, type=Bundle)
        self.counts.sessions += 1
        self.counts.messages += len(bundle.messages)
        if not self._dry_run:
            self._restore(bundle)

    def _restore(self, bundle: Bundle) -> None:
        session = bundle.session
        stored = self._stored(session["id"])
        there = [] if stored is None else stored.messages
        _check_same(bundle, there)
        ids = {one["id"]: other["id"] for one, other in zip(bundle.messages, there, strict=False)}
        new = bundle.messages[len(ids) :]
        bots = [] if bundle.bot is None else [bundle.bot]
        self.counts.unchanged += len(ids)
        # An equal time is also that of an import that broke off before the summaries.
        if new or stored is None or stored.session["updated_at"] <= session["updated_at"]:
            about = {"session": session, "bots": bots, "unindexed": bundle.unindexed, "extraction": bundle.extraction}
            for batch in _batches(new):
                result = self._client.request("session.restore", {**about, "first_index": len(ids), "messages": batch})
                ids |= zip((message["id"] for message in batch), result["message_ids"], strict=True)
                self.counts.added += len(batch)
                self._progress.add(len(batch))
            if summaries := [_moved(summary, ids) for summary in bundle.summaries]:
                self._client.request(
                    "session.restore", {"session": session, "first_index": len(ids), "summaries": summaries}
                )
        self._memories += bundle.memories
        for memory in bundle.memories:
            if (source := memory["source_message_id"]) in ids:
                self._message_ids[source] = ids[source]

    def _stored(self, session_id: str) -> Bundle | None:
        try:
            return fetch(self._client, session_id)
        except NotFound:
            return None

    def _restore_memories(self) -> None:
        several = sorted(self._memories, key=lambda memory: memory["id"])
        for memory in several:
            memory["source_message_id"] = self._message_ids.get(memory["source_message_id"])
        restore_memories(self._client, several)


def _check_same(bundle: Bundle, there: list[dict[str, Any]]) -> None:
    """Raise ValueError if a stored message differs from the exported one at its place."""
    for number, (one, other) in enumerate(zip(bundle.messages, there, strict=False), 1):
        if _compared(one) != _compared(other):
            id = bundle.session["id"]
            raise ValueError(f"session {id} is there with another message {number}; delete it to import this one")


def _compared(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in NOT_COMPARED}


def _moved(summary: dict[str, Any], ids: dict[int, int]) -> dict[str, Any]:
    """Return the summary with the new ids of its range, by the rules of a fork.

    Messages of the range may have been deleted, so it begins and ends at those that are left. If none is, it is the
    last message before it, so that contexts continue after the same message; if there is none either, it is 0.
    """
    old, new = list(ids), [*ids.values(), 0]
    last = bisect_right(old, summary["messages_end"]) - 1
    start = min(bisect_left(old, summary["messages_start"]), last)
    return {**summary, "messages_start": new[start], "messages_end": new[last]}


def _batches(messages: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the messages in requests of bounded size, one empty request for none."""
    batch: list[dict[str, Any]] = []
    size = 0
    for message in messages:
        length = len(msgspec.json.encode(message))
        if batch and (len(batch) >= BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    yield batch
