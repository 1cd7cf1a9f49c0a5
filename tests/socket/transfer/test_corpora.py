"""What the daemon holds after an import is exactly what the tools wrote."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from segue.client import Client
from segue.history import discovery
from segue.history.convert import MAX_NAME_CHARS
from segue.history.importer import Importer
from segue.history.importing.counts import Counts
from segue.history.importing.known import DIGEST
from segue.history.registry import readers
from segue.runtime.progress import Progress
from tests.support.inprocess import Server
from tests.support.wire import Wire
from tests.unit.history.histories import CORPORA, HISTORIES, HOME, NOW
from tests.unit.history.test_readers import corpus, expected, utc

__all__ = ("corpus", "expected", "utc")


@pytest.fixture
def home(corpus: str, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder with the files of the tool, on a machine whose clock is at the day after."""
    server.clock.now = NOW
    monkeypatch.setattr("segue.history.importer.wall_ms", lambda: NOW)
    shutil.copytree(HISTORIES / corpus, tmp_path / "home")
    return tmp_path / "home"


def import_all(server: Server, corpus: str, home: Path) -> Counts:
    reader = readers()[CORPORA[corpus]]
    items = [item for root in reader.roots({}, home, "linux") for item in reader.discover(root)]
    with Client.connect(server.socket) as client:
        importer = Importer(client, {})
        importer.run(discovery.sources([discovery.Found(reader, home, items, None)]), Progress("import"))
    assert (importer.counts.problems, importer.counts.skipped) == ([], {})
    return importer.counts


def stored(wire: Wire, home: Path) -> dict[str, dict[str, Any]]:
    """Return the imported sessions by the tool's ids, each with its messages, and paths as on the tool's machine."""
    found: dict[str, dict[str, Any]] = {}
    for session in wire.call("session.list", archived=None, with_metadata=True, limit=1000)["sessions"]:
        page = wire.call("message.list", session_id=session["id"])
        whole = session | wire.call("session.get", session_id=session["id"])
        found[session["source"]["id"]] = whole | {"messages": page["messages"]}
    return moved(found, str(home))  # type: ignore[no-any-return]


def moved(value: Any, home: str) -> Any:
    if isinstance(value, dict):
        return {moved(name, home): moved(inner, home) for name, inner in value.items()}
    if isinstance(value, list):
        return [moved(inner, home) for inner in value]
    return value.replace(home, HOME) if isinstance(value, str) else value


def as_expected(messages: list[dict[str, Any]], abandoned: bool) -> list[dict[str, Any]]:
    """Return messages in the form of expected.json, which has the results of calls beside the calls."""
    shown: list[dict[str, Any]] = []
    for message in messages:
        if bool(message["metadata"].get("abandoned")) != abandoned:
            continue
        if message["role"] == "tool":
            add_results(shown[-1], message)
            continue
        shown.append(one_as_expected(message, message["parts"] or []))
    return shown


def one_as_expected(message: dict[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {"input": message["input_tokens"], "output": message["output_tokens"]}
    total = message["token_count"]
    calls = [
        {"id": part["id"], "name": part["name"], "arguments": part["input"], "result": None, "is_error": None}
        for part in parts
        if part["type"] == "tool_use"
    ]
    optional = {
        "tokens": {"total": total} if total is not None else counts if set(counts.values()) != {None} else None,
        "tool_calls": calls or None,
        "thinking": next((part["thinking"] for part in parts if part["type"] == "thinking"), None),
        "kind": message["metadata"].get("kind"),
        "aborted": True if message["stop_reason"] == "interrupted" else None,
    }
    shown = {"role": message["role"], "text": message["content"], "at": message["created_at"]}
    return shown | {name: value for name, value in optional.items() if value is not None}


def add_results(answer: dict[str, Any], results: dict[str, Any]) -> None:
    for part in results["parts"]:
        [call] = [call for call in answer["tool_calls"] if call["id"] == part["tool_use_id"]]
        call |= {"result": part["content"], "is_error": part.get("is_error", False)}


def wanted(session: dict[str, Any], name: str, from_start: str | None) -> list[dict[str, Any]]:
    """Return the expected messages; one without a time has that of the message before it, a hidden thought is none."""
    messages, at = [], session["started_at"] or from_start
    for message in session.get(name, []):
        at = message["at"] or at
        messages.append({member: value for member, value in message.items() if member != "thinking" or value})
        messages[-1]["at"] = at
    return messages


def test_every_session_of_a_tool_is_stored_exactly(
    corpus: str, expected: list[dict[str, Any]], home: Path, server: Server, wire: Wire
) -> None:
    counts = import_all(server, corpus, home)
    found = stored(wire, home)
    assert set(found) == {str(session["id"]) for session in expected}
    assert counts.added == sum(len(session["messages"]) for session in found.values())
    ids = {session["id"]: source for source, session in found.items()}
    for session in expected:
        one = found[str(session["id"])]
        for name in ("messages", "abandoned"):
            shown = as_expected(one["messages"], name == "abandoned")
            assert shown == wanted(session, name, one["created_at"])
        assert one["source"]["tool"] == CORPORA[corpus]
        if "file" in session:
            path = Path(one["source"]["path"])
            assert Path(session["file"]).name in (path.name, path.parent.name)
        first = next((each["at"] for each in session["messages"] if each["at"]), None)
        begun = session["started_at"] or first
        assert begun is None or one["created_at"] == begun
        known = {"working_dir": session["directory"], "model": session["model"]}
        known |= {name: session[name] for name in ("archived", "system_prompt", "ended_at") if name in session}
        known |= {"name": session["title"][:MAX_NAME_CHARS]} if session["title"] else {}
        assert {name: one.get(name) for name in known} == known
        assert one["metadata"].get("forked_from_source") == session.get("forked_from")
        assert ids.get(one["parent_id"]) == (session.get("parent") or session.get("forked_from"))
        assert one["metadata"].get("status", one["status"]) == session.get("status", "active")
        assert one["metadata"].get("inherits_until_ordinal") == session.get("inherits_until_ordinal")
        check_injected(one)
    again = import_all(server, corpus, home)
    assert (again.added, again.updated, again.unchanged, again.sessions) == (0, 0, 0, counts.sessions)
    assert stored(wire, home) == found
    for id in ids:
        wire.call("session.update", session_id=id, metadata_merge={DIGEST: None})
    sent_again = import_all(server, corpus, home)
    assert (sent_again.added, sent_again.updated, sent_again.unchanged) == (0, 0, counts.added)
    assert without_updates(stored(wire, home)) == without_updates(found)


def without_updates(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [session | {"updated_at": None} for _, session in sorted(found.items())]


def check_injected(session: dict[str, Any]) -> None:
    """Check that no text of the tool is shown as a person's, nor as the preview."""
    said = [one for one in session["messages"] if one["role"] == "user"]
    own = [one["content"] for one in said if not one["metadata"].get("injected")]
    assert all(one["metadata"].get("injected") for one in said if "kind" in one["metadata"])
    assert session["preview"] == (own[0][:100] if own else None)
    assert not [text for text in own if text.startswith("<") or "<system-reminder>" in text]
