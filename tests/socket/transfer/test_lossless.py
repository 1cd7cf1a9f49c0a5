"""What was exported as JSON Lines, wiped and imported gives the same answers to every read method."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from segue.client import Client
from segue.errors import Conflict, InvalidParams
from segue.history.bundle import fetch, fetch_rest
from segue.history.importing.counts import Counts
from segue.history.restoring import Restorer, exports_in
from segue.runtime.progress import Progress
from tests.socket.transfer.random_store import RandomStore
from tests.support.inprocess import Server
from tests.support.wire import Wire


def answers(wire: Wire) -> dict[str, Any]:
    """Return the answers of the read methods, with the ids of messages, memories and summaries by their order."""
    bots = wire.call("bot.list")["bots"]
    # First, because it makes a crashed session active.
    found: dict[str, Any] = {
        f"{bot['id']} in {place}": wire.call("session.resolve", working_dir=place, bot_id=bot["id"], create=False)
        for bot in bots
        for place in ("/srv/a", "/srv/b")
    }
    sessions = wire.call("session.list", archived=None, with_metadata=True, limit=1000)["sessions"]
    places: dict[int, str] = {}
    found |= {"sessions": sessions, "bots": bots}
    for session in (one["id"] for one in sessions):
        page = wire.call("message.list", session_id=session)
        places |= {message["id"]: f"{session}/{number}" for number, message in enumerate(page["messages"])}
        found[session] = [wire.call("session.get", session_id=session), page]
        found[session] += [wire.call("message.count", session_id=session)]
        found[session] += [wire.call("context.build", session_id=session)]
        found[session] += [wire.call("context.build", session_id=session, format="anthropic", max_tokens=200)]
        found[session] += [
            wire.call("summary.latest", session_id=session),
            wire.call("session.export", session_id=session),
        ]
        found[session] += [wire.call("memory.list", session_id=session, include_superseded=True)]
    for bot in (one["id"] for one in bots):
        found[f"memories of {bot}"] = wire.call("memory.list", bot_id=bot, include_superseded=True)
    entries = wire.call("extraction.list", include_exhausted=True)
    entries["extractions"].sort(key=lambda entry: str(entry["session_id"]))
    found["extractions"] = entries
    for query in ("zebra", "edited", "図書館", "user", "ls"):
        hits = wire.call("message.search", query=query, limit=200, order="oldest")
        hits["hits"].sort(key=lambda hit: places[hit["message_id"]])
        found[f"search {query}"] = hits
    return {name: normalized(value, places) for name, value in found.items()}


def normalized(value: Any, places: dict[int, str], kind: str = "") -> Any:
    if isinstance(value, list):
        return [normalized(item, places, kind) for item in value]
    if not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {}
    for name, inner in value.items():
        if name in ("message_id", "source_message_id"):
            shown[name] = places.get(inner)
        elif name in ("messages_start", "messages_end"):
            shown[name] = end_of_range(value, name, places)
        elif name == "id" and isinstance(inner, int):
            shown[name] = places.get(inner) if "role" in value else None
        elif name in ("unindexed", "dropped_ids"):
            shown[name] = [places.get(id) for id in inner]
        elif name == "superseded_by":
            shown[name] = inner is not None
        elif name in ("activity", "score", "next_cursor", "cursor"):
            continue
        else:
            shown[name] = normalized(inner, places)
    return shown


def end_of_range(summary: dict[str, Any], name: str, places: dict[int, str]) -> str | None:
    """Return the message at which a summary begins or ends; if none of its messages is left, the one before it."""
    session = summary["session_id"]
    before = [id for id, place in places.items() if place.startswith(session) and id <= summary["messages_end"]]
    inside = [id for id in before if id >= summary["messages_start"]] or before[-1:]
    return places[inside[0 if name == "messages_start" else -1]] if inside else None


def export(server: Server, path: Path) -> None:
    with Client.connect(server.socket) as client:
        sessions = client.request("session.list", {"archived": None, "limit": 1000})["sessions"]
        ids, progress = [one["id"] for one in sessions], Progress("export")
        progress.begin("writing")
        rest = fetch_rest(client, set(ids))
        lines = [] if rest is None else [rest]
        path.write_bytes(
            b"\n".join(msgspec.json.encode(line) for line in [*lines, *(fetch(client, id, progress) for id in ids)])
        )
    assert progress.done == sum(one["message_count"] for one in sessions)


def restore(server: Server, path: Path) -> Counts:
    counts = Counts()
    with Client.connect(server.socket) as client:
        assert exports_in(path) == [path]
        progress = Progress("import")
        Restorer(client, counts).run([path], progress)
    if counts.sessions:
        assert (progress.unit, progress.total) == ("messages", counts.messages)
        assert progress.done == progress.total
    return counts


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield each place at which two answers differ, with both values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before.keys() | after.keys():
            yield from differences(before.get(name, "missing"), after.get(name, "missing"), f"{path}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, f"{path}[{number}]")
    elif before != after:
        yield f"{path}: {before!r:.200} became {after!r:.200}"


def wipe(server: Server) -> None:
    server.stop()
    for file in server.database.parent.glob("sessions.db*"):
        file.unlink()
    server.start()


def successors(wire: Wire) -> Iterator[tuple[str, str | None]]:
    """Yield each fact and the fact that superseded it."""
    for bot in wire.call("bot.list")["bots"]:
        rows = wire.call("memory.list", bot_id=bot["id"], include_superseded=True, limit=1000)["memories"]
        facts = {row["id"]: row["fact"] for row in rows}
        yield from ((row["fact"], facts.get(row["superseded_by"])) for row in rows)


@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.generate],
)
@given(seed=st.integers(0, 10**9), steps=st.integers(20, 80))
def test_a_store_is_the_same_after_export_wipe_and_import(
    server: Server, tmp_path: Path, seed: int, steps: int
) -> None:
    wipe(server)
    store = RandomStore(server, seed)
    store.fill(steps)
    before, facts = answers(store.wire), dict(successors(store.wire))
    path = tmp_path / "export.jsonl"
    export(server, path)
    wipe(server)
    counts = restore(server, path)
    assert counts.problems == []
    wire = server.connect()
    after = answers(wire)
    assert list(differences(before, after)) == []
    assert dict(successors(wire)) == facts
    again = restore(server, path)
    assert (again.problems, again.added, again.unchanged) == ([], 0, counts.added)
    assert answers(wire) == after


def exported(wire: Wire, **about: Any) -> dict[str, Any]:
    """Return the page of a session with two messages."""
    session = wire.call("session.create", **about)["id"]
    for number in range(2):
        wire.call("message.append", session_id=session, role="user", content=f"message {number}")
    found: dict[str, Any] = wire.call("session.export", session_id=session)
    return found


def restored(wire: Wire, page: dict[str, Any], **changed: Any) -> dict[str, Any]:
    given = {name: page[name] for name in ("session", "messages", "unindexed")}
    result: dict[str, Any] = wire.call("session.restore", **given | changed)
    return result


@pytest.mark.parametrize(
    ("state", "stored"), [("complete", "complete"), ("interrupted", "interrupted"), ("streaming", "interrupted")]
)
def test_the_state_of_a_message_is_kept_and_no_restored_one_is_streaming(wire: Wire, state: str, stored: str) -> None:
    page = exported(wire)
    wire.call("session.delete", session_id=page["session"]["id"])
    result = restored(wire, page, messages=[{**page["messages"][0], "state": state}])
    assert result["created"]
    assert wire.call("message.get", message_id=result["message_ids"][0])["state"] == stored


def test_a_session_that_is_there_is_not_stored_twice(wire: Wire) -> None:
    page = exported(wire)
    with pytest.raises(Conflict) as refused:
        restored(wire, page)
    assert refused.value.data["reason"] == "first_index"
    assert restored(wire, page, first_index=2, messages=[])["created"] is False
    with pytest.raises(Conflict) as refused:
        restored(wire, page, session={**page["session"], "created_at": "2026-01-30T03:00:00.000Z"})
    assert refused.value.data["reason"] == "exists"
    assert wire.call("session.list")["total"] == 1


def test_a_restored_session_gets_the_parent_that_it_waited_for(server: Server, wire: Wire, tmp_path: Path) -> None:
    message = {"key": "1", "role": "user", "content": "words"}
    about = {"source": {"tool": "claude", "id": "child"}, "session": {"parent": "parent"}, "messages": [message]}
    child = wire.call("session.import", **about)["session_id"]
    path = tmp_path / "export.jsonl"
    export(server, path)
    wipe(server)
    assert restore(server, path).problems == []
    wire = server.connect()
    parent = wire.call("session.import", source={"tool": "claude", "id": "parent"}, session={})["session_id"]
    assert wire.call("session.get", session_id=child)["parent_id"] == parent


@pytest.mark.parametrize("change", [{"id": "two words"}, {"name": ""}, {"working_dir": "here"}, {"tags": [""]}])
def test_values_that_no_session_has_are_refused(wire: Wire, change: dict[str, Any]) -> None:
    page = exported(wire)
    with pytest.raises(InvalidParams) as refused:
        restored(wire, page, session={**page["session"], "id": "other", **change}, messages=[])
    assert refused.value.data["path"] == f"$.session.{next(iter(change))}"
    with pytest.raises(InvalidParams) as refused:
        restored(wire, page, messages=[{**page["messages"][0], "key": "two\nlines"}])
    assert refused.value.data["path"] == "$.messages[0]"


def test_a_session_that_grew_differently_is_left_and_the_others_are_stored(
    server: Server, wire: Wire, tmp_path: Path
) -> None:
    page, other = exported(wire), exported(wire)
    path = tmp_path / "export.jsonl"
    export(server, path)
    path.write_bytes(path.read_bytes() + b"\nno line of an export")
    wire.call("message.update", message_id=page["messages"][1]["id"], content="edited since")
    wire.call("session.delete", session_id=other["session"]["id"])
    counts = restore(server, path)
    [problem] = counts.problems
    assert f"session {page['session']['id']} is there with another message 2" in problem
    assert (counts.added, counts.skipped) == (2, {"damaged line": 1})
    assert [one["content"] for one in wire.call("message.list", session_id=page["session"]["id"])["messages"]] == [
        "message 0", "edited since",
    ]  # fmt: skip


def test_an_import_that_broke_off_is_completed(server: Server, wire: Wire, tmp_path: Path) -> None:
    page = exported(wire)
    session, path = page["session"]["id"], tmp_path / "export.jsonl"
    first, last = page["messages"][0]["id"], page["messages"][1]["id"]
    about = {"session_id": session, "messages_start": first, "messages_end": last}
    wire.call("summary.save", **about, summary="both", token_count=1)
    export(server, path)
    wipe(server)
    wire = server.connect()
    restored(wire, page, messages=page["messages"][:1])
    assert restore(server, path).added == 1
    summary = wire.call("summary.latest", session_id=session)
    ids = [message["id"] for message in wire.call("message.list", session_id=session)["messages"]]
    assert (summary["summary"], [summary["messages_start"], summary["messages_end"]]) == ("both", ids)
