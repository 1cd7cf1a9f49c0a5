"""Append messages, and update the session's counters, times, name and status in the same transaction."""

from typing import Any, NamedTuple, cast

import msgspec

from segue.errors import Conflict, InvalidParams, NotFound, TooLarge
from segue.events import DeferredData, Emitted
from segue.models import MAX_INTEGER, Draft, Message, OnKey, State
from segue.results import Appended, AppendedMany
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import messages, resolve, sessions
from segue.store.records.message import edit, row
from segue.store.records.message.idempotency import Found, PreparedMessage, find_first_of_key
from segue.store.records.resolve import Place
from segue.store.records.session_identity import name_from
from segue.store.records.sessions import Scope
from segue.timestamps import milliseconds

INLINE_BYTES = 16_384
"""Bytes: the largest message that is written on the event loop. It takes about 30 µs within a batch."""


class Encoded(NamedTuple):
    """A draft's parts and metadata as JSON text."""

    parts: str | None
    metadata: str | None


NOTHING_ENCODED = Encoded(None, None)


class Options(NamedTuple):
    """Options of an append: the treatment of a known key, and the conditions on the session."""

    expected_last_id: int | None = None
    on_key: OnKey = "conflict"
    creation: dict[str, Any] | None = None
    """The columns of the session to create if there is none; None creates none."""


DEFAULTS = Options()


def prepare(
    draft: Draft,
    content_bytes: int,
    path: str = "$",
    encoded: Encoded | None = None,
    state: State = "complete",
) -> PreparedMessage:
    """Check a draft and encode it, so that the write transaction has less to do.

    Raises:
        InvalidParams: a summary has a role other than `system`.
        TooLarge: content, parts and metadata together are larger than `content_bytes`.
    """
    if draft.is_summary and draft.role != "system":
        raise InvalidParams("a summary has the role system", path=f"{path}.is_summary")
    parts, metadata = encoded or Encoded(encode_json(draft.parts), encode_json(draft.metadata))
    content = cast(str, draft.content)
    size = (
        len(content.encode()) + len((parts or "").encode()) + (len((metadata or "").encode()) if draft.metadata else 0)
    )
    if size > content_bytes:
        raise TooLarge(f"content, parts and metadata have {size} bytes", limit=content_bytes)
    columns = msgspec.structs.asdict(draft)  # In the order of `row.DRAFT_COLUMNS`.
    del columns["created_at"]
    columns.update(
        is_summary=bool(draft.is_summary),
        indexed=draft.indexed is not False,
        parts=parts,
        metadata=metadata or "{}",
        state=state,
    )
    return PreparedMessage(draft, columns, size)


def append(
    tx: Tx, session_id: str, new: PreparedMessage, options: Options = DEFAULTS, *, resumed: bool = False
) -> Appended:
    """Store the message at the end of the session.

    Raises:
        NotFound: there is no such session.
        Conflict: the key was used for another message (`key`), or the newest message is not the expected one
            (`last_id`).
    """
    if first := find_first_of_key(tx, new, options.on_key, session_id=session_id):
        # A retry that names the session resumed nothing, even if the first append did.
        return _use_first(tx, first, new, options, resumed=False)
    sessions.ensure(tx, session_id, options.creation)
    if options.expected_last_id is not None:
        sessions.require(tx, session_id)
        check_last_id(tx, session_id, options.expected_last_id)
    sessions.check_created_at(tx, new.draft.created_at, "$.created_at")
    session = _update_counters(tx, session_id, [new])
    appended = _insert(tx, session_id, new, resumed)
    tx.emitted.append(appended_event(tx, session, appended, new))
    _name_and_reactivate(tx, session_id, session, [new])
    return appended


def append_to_place(
    tx: Tx, place: Place, continuity_ms: int, new: PreparedMessage, options: Options = DEFAULTS
) -> Appended:
    """Store the message in the session that the place continues.

    The key is looked up in all sessions of the place, because a retry may find another session continued.
    """
    if first := find_first_of_key(tx, new, options.on_key, place=place):
        return _use_first(tx, first, new, options)
    if (active := resolve.find_active(tx, place, continuity_ms)) is not None:
        sessions.mark_terminal(tx, active, place.terminal)
        return append(tx, active, new, options, resumed=True)
    resolution = resolve.resolve(tx, place, continuity_ms, create=True)
    if resolution.session is None:
        raise AssertionError("resolve with create returned no session")
    return append(tx, resolution.session.id, new, options, resumed=resolution.resumed)


def append_many(tx: Tx, session_id: str, prepared: list[PreparedMessage], options: Options = DEFAULTS) -> AppendedMany:
    """Store all messages in the order given, or none."""
    sessions.ensure(tx, session_id, options.creation)
    session = sessions.scope(tx, session_id)
    keys = options.on_key
    if options.expected_last_id is not None and any(
        find_first_of_key(tx, new, keys, session_id=session_id) is None for new in prepared
    ):
        check_last_id(tx, session_id, options.expected_last_id)
    results: list[Appended] = []
    stored: list[PreparedMessage] = []
    run: list[PreparedMessage] = []
    """The last messages, which are not inserted yet."""

    def insert_run() -> None:
        if run:
            results.extend(_insert_all(tx, session_id, session, run))
            stored.extend(run)
            run.clear()

    for number, new in enumerate(prepared):
        sessions.check_created_at(tx, new.draft.created_at, f"$.messages[{number}].created_at")
        if new.draft.key is not None:
            insert_run()
        if first := find_first_of_key(tx, new, keys, session_id=session_id):
            if stored and keys == "replace":
                # The session is named before, because the replaced message may be one of these.
                update_session(tx, session_id, stored)
                stored.clear()
            results.append(_use_first(tx, first, new, options))
        else:
            run.append(new)
    insert_run()
    if stored:
        update_session(tx, session_id, stored)
    return AppendedMany(
        message_ids=[result.message_id for result in results],
        session_id=session_id,
        duplicates=sum(result.duplicate for result in results),
        replaced=sum(result.replaced is True for result in results),
    )


def update_session(tx: Tx, session_id: str, stored: list[PreparedMessage], *, reactivate: bool = True) -> None:
    """Update the session's counters, times and name, and its status if requested, after messages were stored in it."""
    session = _update_counters(tx, session_id, stored)
    _name_and_reactivate(tx, session_id, session if reactivate else session._replace(crashed=False), stored)


def check_last_id(tx: Tx, session_id: str, expected: int) -> None:
    """Raise Conflict (`last_id`) unless the session's newest message has the expected id, or there is none for 0."""
    newest = messages.newest_id(tx, session_id)
    if newest != expected:
        raise Conflict(f"the last message is {newest}, not {expected}", reason="last_id", last_id=newest)


SET_COUNTERS = f"""
    message_count = message_count + {{count}},
    input_tokens = min(input_tokens, {MAX_INTEGER} - {{input_tokens}}) + {{input_tokens}},
    output_tokens = min(output_tokens, {MAX_INTEGER} - {{output_tokens}}) + {{output_tokens}},
    last_message_at = max(last_message_at, {{newest}}), updated_at = max(updated_at, {{at}}),
    activity = {sessions.NEXT_ACTIVITY}
"""
"""The assignments of an UPDATE of a session that gets messages; the names of its parameters are filled in."""

COUNTER_PARAMETERS = ("count", "input_tokens", "output_tokens", "newest", "at")

_UPDATE_COUNTERS = f"""
    UPDATE sessions
    SET {SET_COUNTERS.format(**{name: f":{name}" for name in COUNTER_PARAMETERS})}
    WHERE id = :id
    RETURNING working_dir, bot_id, name, status, project
"""


def _use_first(
    tx: Tx, first: Found, new: PreparedMessage, options: Options, *, resumed: bool | None = None
) -> Appended:
    """Return the first result of the key, after the stored message was replaced if that is requested."""
    appended = first.appended
    if options.on_key == "replace" and not first.same:
        edit.replace_in_place(tx, appended.message_id, new)
        return msgspec.structs.replace(appended, duplicate=False, resumed=False, replaced=True)
    return appended if resumed is None else msgspec.structs.replace(appended, resumed=resumed)


def _insert(tx: Tx, session_id: str, new: PreparedMessage, resumed: bool) -> Appended:
    created_at = new.draft.created_at or tx.at
    message_id = row.insert_all(tx, [(session_id, *new.columns.values(), resumed, created_at)])
    return Appended(
        message_id=message_id, session_id=session_id, created_at=created_at, duplicate=False, resumed=resumed
    )


def _insert_all(tx: Tx, session_id: str, session: Scope, run: list[PreparedMessage]) -> list[Appended]:
    """Insert messages with one statement, emit their events and return the results."""
    times = [new.draft.created_at or tx.at for new in run]
    rows = [(session_id, *new.columns.values(), False, at) for new, at in zip(run, times, strict=True)]
    results = [
        Appended(message_id=id, session_id=session_id, created_at=at, duplicate=False, resumed=False)
        for id, at in enumerate(times, row.insert_all(tx, rows))
    ]
    tx.emitted += [appended_event(tx, session, *one) for one in zip(results, run, strict=True)]
    return results


def _update_counters(tx: Tx, session_id: str, prepared: list[PreparedMessage]) -> Scope:
    """Update the session's counters, times and order of use, and return its scope.

    Raises:
        NotFound: there is no such session.
    """
    drafts = [new.draft for new in prepared]
    found = tx.run(
        _UPDATE_COUNTERS,
        id=session_id,
        count=len(drafts),
        # SQLite takes no larger integer as a parameter, and the counters stop there too.
        input_tokens=min(sum([draft.input_tokens or 0 for draft in drafts]), MAX_INTEGER),
        output_tokens=min(sum([draft.output_tokens or 0 for draft in drafts]), MAX_INTEGER),
        newest=max([draft.created_at or tx.at for draft in drafts]),
        at=tx.at,
    ).fetchone()
    if found is None:
        raise NotFound("session", session_id)
    # Compared in Python, because SQLite 3.40 finds no column NULL in an expression of RETURNING.
    working_dir, bot_id, name, status, project = found
    return Scope(working_dir, bot_id, name is not None, status == "crashed", project)


def _name_and_reactivate(tx: Tx, session_id: str, session: Scope, prepared: list[PreparedMessage]) -> None:
    """Name an unnamed session after its first user message that has text, and make a crashed session active."""
    name = None
    if not session.named:
        names = (
            name_from(new.columns["content"], milliseconds(new.draft.created_at) if new.draft.created_at else tx.now)
            for new in prepared
            if new.draft.role == "user" and new.metadata.get("injected") is not True
        )
        name = next((found for found in names if found is not None), None)
    if name is None and not session.crashed:
        return
    tx.run(
        """
        UPDATE sessions
        SET name = coalesce(name, :name),
            ended_at = CASE WHEN :crashed THEN NULL ELSE ended_at END,
            status = CASE WHEN :crashed THEN 'active' ELSE status END
        WHERE id = :id
        """,
        id=session_id,
        name=name,
        crashed=session.crashed,
    )
    sessions.emit_if_valid(tx, "session.updated", session_id)


def appended_event(tx: Tx, session: Scope, appended: Appended, new: PreparedMessage) -> Emitted:
    """Return the event of a new message."""
    data = DeferredData(_appended_message, (appended, new))
    return Emitted("message.appended", appended.session_id, session.working_dir, session.bot_id, tx.at, data)


def _appended_message(appended: Appended, new: PreparedMessage) -> Message:
    """Return the data of the event of a new message."""
    given = {name: new.columns[name] for name in row.DRAFT_COLUMNS if name != "indexed"}
    # The event embeds the JSON text that is stored, so that it is not encoded again.
    parts, metadata = given["parts"], given["metadata"]
    given.update(parts=None if parts is None else msgspec.Raw(parts.encode()), metadata=msgspec.Raw(metadata.encode()))
    return Message(
        id=appended.message_id,
        session_id=appended.session_id,
        created_at=appended.created_at,
        updated_at=None,
        **given,
    )
