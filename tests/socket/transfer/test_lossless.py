"""What was exported as JSON Lines, wiped and imported gives the same answers to every read method."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from segue.client import Client
from segue.errors import Conflict, InvalidParams
from segue.history.bundle import fetch, fetch_rest
from segue.history.importer import Counts
from segue.history.restoring import Restorer, exports_in
from segue.runtime.progress import Progress
from tests.support.inprocess import Server
from tests.support.wire import Wire

WORDS = [
    "zebra",
    "naïve café",
    "図書館で",
    "getUserById",
    "\U0001f993 \u0301",
    "two\nlines",
    "  spaces  ",
    '"quoted" \\ back',
    "x" * 300,
]


class RandomStore:
    """A store that is filled by random calls."""

    def __init__(self, server: Server, seed: int) -> None:
        self.random = random.Random(seed)
        self.server = server
        self.wire = server.connect()
        self.bots = ["default"]
        self.sessions: list[str] = []
        self.memories: list[dict[str, Any]] = []

    def fill(self, steps: int) -> None:
        self.add_session()
        actions = [
            *(
                self.add_session,
                self.add_message,
                self.add_message,
                self.add_message,
                self.add_bot,
                self.change_session,
            ),
            *(self.change_message, self.delete_messages, self.summarize, self.remember, self.remember),
            *(self.fork, self.end, self.import_session, self.delete_session, self.enqueue, self.fail_extraction),
        ]
        for _ in range(steps):
            self.server.clock.pass_time(self.random.choice([0, 1, 997, 3_600_000]))
            self.random.choice(actions)()

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def flip(self) -> bool:
        return self.random.random() < 0.5

    def session(self) -> str:
        return str(self.random.choice(self.sessions))

    def messages(self, session: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.wire.call("message.list", session_id=session)["messages"]
        return found

    def about(self) -> dict[str, Any]:
        given = {
            "name": self.pick(None, "a name", "図書館"),
            "provider": self.pick(None, "anthropic"),
            "model": self.pick(None, "m-1"),
            "system_prompt": self.pick(None, "Be brief."),
            "working_dir": self.pick(None, "/srv/a", "/srv/b"),
            "project": self.pick(None, "/srv"),
            "tags": self.pick(None, ["b", "a"], ["ü"]),
            "metadata": self.pick({}, {"n": {"deep": [1, None, 2.5]}}),
            "retention_days": self.pick(None, 0, 400),
            "pinned": self.flip(),
        }
        return {name: value for name, value in given.items() if value is not None}

    def add_bot(self) -> None:
        id = f"bot-{len(self.bots)}"
        self.wire.call("bot.create", bot_id=id, name=self.pick(id, "Ada"), description=self.pick(None, "words"))
        self.bots.append(id)

    def add_session(self) -> None:
        parent = self.pick(None, *self.sessions)
        given = self.about() | ({"parent_id": parent} if parent else {})
        self.sessions.append(self.wire.call("session.create", bot_id=self.random.choice(self.bots), **given)["id"])

    def draft(self) -> dict[str, Any]:
        role = self.pick("user", "assistant", "tool", "system")
        draft: dict[str, Any] = {"role": role, "content": " ".join(self.random.choices(WORDS, k=2))}
        draft |= self.pick({}, {"parts": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]})
        draft |= self.pick({}, {"input_tokens": 5, "output_tokens": 7, "token_count": 12, "response_ms": 3})
        draft |= self.pick({}, {"key": f"k-{self.random.random()}"}, {"indexed": False}, {"model": "m-2"})
        draft |= self.pick({}, {"metadata": {"injected": True}}, {"stop_reason": "end_turn"})
        return draft | ({"is_summary": True} if role == "system" and self.flip() else {})

    def add_message(self) -> None:
        self.wire.call("message.append", session_id=self.session(), **self.draft())

    def change_session(self) -> None:
        change = self.pick({"archived": True}, {"pinned": True}, {"name": "renamed"}, {"tags": []}, {"metadata": None})
        self.wire.call("session.update", session_id=self.session(), **change)

    def change_message(self) -> None:
        if found := self.messages(self.session()):
            self.wire.call("message.update", message_id=self.random.choice(found)["id"], content="edited")

    def delete_messages(self) -> None:
        session = self.session()
        if found := self.messages(session):
            self.wire.call("message.delete", session_id=session, message_ids=[self.random.choice(found)["id"]])

    def summarize(self) -> None:
        session = self.session()
        if ids := [message["id"] for message in self.messages(session)]:
            start, end = sorted(self.random.choices(ids, k=2))
            about = {"session_id": session, "messages_start": start, "messages_end": end}
            self.wire.call("summary.save", **about, summary=f"about {self.random.choice(WORDS)}", token_count=9)

    def remember(self) -> None:
        bot, session = self.random.choice(self.bots), self.pick(None, self.session())
        current = [memory["id"] for memory in self.memories if memory["bot_id"] == bot]
        given: dict[str, Any] = {"bot_id": bot, "session_id": session, "is_manual": self.flip()}
        if session and (found := self.messages(session)):
            given["source_message_id"] = self.random.choice(found)["id"]
        if current and self.flip():
            given["supersedes"] = self.random.choice(current)
            self.memories = [memory for memory in self.memories if memory["id"] != given["supersedes"]]
        fact = f"{self.random.choice(WORDS)} {self.random.random()}"
        category = self.pick("preference", "fact", "decision")
        saved = self.wire.call("memory.save", fact=fact, category=category, importance=self.pick(1, 3, 5), **given)
        self.memories.append(saved)

    def enqueue(self) -> None:
        self.wire.call("extraction.enqueue", session_id=self.session())

    def fail_extraction(self) -> None:
        for entry in self.wire.call("extraction.claim", limit=1)["extractions"]:
            if self.flip():
                self.wire.call("extraction.fail", extraction_id=entry["id"], error="no model")

    def fork(self) -> None:
        self.sessions.append(self.wire.call("session.fork", session_id=self.session())["id"])

    def end(self) -> None:
        self.wire.call("session.end", session_id=self.session(), status=self.pick("completed", "crashed"))

    def import_session(self) -> None:
        source = {"tool": "claude", "id": f"s-{self.random.random()}", "path": self.pick(None, "/home/ada/s.jsonl")}
        messages = [
            {**self.draft(), "key": f"k-{number}", "created_at": "2026-01-30T03:00:00.000Z"} for number in (1, 2)
        ]
        session = {"name": "imported", "created_at": "2026-01-30T03:00:00.000Z", "working_dir": "/srv/a"}
        found = self.wire.call("session.import", source=source, session=session, messages=messages)
        self.sessions.append(found["session_id"])

    def delete_session(self) -> None:
        if len(self.sessions) > 2:
            session = self.sessions.pop(self.random.randrange(len(self.sessions)))
            self.wire.call("session.delete", session_id=session)


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
        ids = [one["id"] for one in client.request("session.list", {"archived": None, "limit": 1000})["sessions"]]
        rest = fetch_rest(client, set(ids))
        lines = [] if rest is None else [rest]
        path.write_bytes(b"\n".join(msgspec.json.encode(line) for line in [*lines, *(fetch(client, id) for id in ids)]))


def restore(server: Server, path: Path) -> Counts:
    counts = Counts()
    with Client.connect(server.socket) as client:
        assert exports_in(path) == [path]
        Restorer(client, counts).run([path], Progress("import"))
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
    suppress_health_check=[HealthCheck.function_scoped_fixture],
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


def test_an_import_that_broke_off_goes_on(server: Server, wire: Wire, tmp_path: Path) -> None:
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
