"""With `[privacy] redact = true`, a recognized secret never reaches the file, in whichever member it is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from segue.errors import Conflict
from tests.support.process import Segued
from tests.support.secrets import PEM, SECRETS
from tests.support.wire import Wire

KEY = SECRETS["github"][0]
CLEAN = "[redacted:github]"


@pytest.fixture
def wire(segued: Segued) -> Wire:
    """Return a connection to a daemon that redacts."""
    segued.config.write_text("[privacy]\nredact = true\n")
    return segued.start().connect()


def redacted(wire: Wire) -> Any:
    privacy = wire.call("daemon.status")["privacy"]
    return {name: privacy[name] for name in ("redact", "redacted")}


def bytes_of(segued: Segued) -> bytes:
    """Return the bytes of all files of the daemon."""
    return b"".join(path.read_bytes() for path in segued.database.parent.iterdir())


def test_every_text_member_is_redacted(segued: Segued, wire: Wire) -> None:
    text = f"use {KEY} for it"
    wire.call("events.subscribe")
    session = wire.call("session.create", id="s", name=text[:250], system_prompt=text, metadata={"a": [text]})
    assert (session["name"], session["metadata"]) == (f"use {CLEAN} for it", {"a": [f"use {CLEAN} for it"]})
    wire.call("session.update", session_id="s", name=text, system_prompt=text, metadata={KEY: text})
    wire.call("session.resolve", working_dir="/w", name=text, system_prompt=text)
    parts = [{"type": "text", "text": text}, {"deep": [{"er": text}]}]
    first = wire.call("message.append", session_id="s", role="user", content=text, parts=parts, metadata={"k": text})
    draft = {"role": "tool", "content": text, "parts": parts, "metadata": {"k": text}}
    wire.call("message.append_many", session_id="s", messages=[draft])
    wire.call("message.append", working_dir="/named", role="user", content=KEY)
    wire.call("session.fork", session_id="s", name=text)
    id = first["message_id"]
    wire.call("summary.save", session_id="s", summary=text, messages_start=id, messages_end=id, token_count=1)
    wire.call("memory.save", fact=text, category="fact", importance=1)
    wire.call("bot.create", bot_id="b", name=text, description=text)
    entry = wire.call("extraction.enqueue", session_id="s")["id"]
    wire.call("extraction.fail", extraction_id=entry, error=text)
    wire.call(
        "extraction.complete", extraction_id=entry, memories=[{"fact": text, "category": "fact", "importance": 1}]
    )
    assert wire.call("message.get", message_id=id)["content"] == f"use {CLEAN} for it"
    assert wire.call("message.search", query=KEY)["total"] == 0
    assert redacted(wire) == {"redact": True, "redacted": {"github": 25}}
    assert KEY.encode() not in bytes_of(segued)
    assert not any(KEY in str(event) for event in wire.events)
    assert wire.call("daemon.check", full=True)["ok"]
    assert segued.stop() == 0
    assert KEY.encode() not in bytes_of(segued)


def test_a_long_message_is_redacted_without_blocking_other_clients(segued: Segued, wire: Wire) -> None:
    long = "word " * 200_000 + PEM + " word" * 200_000
    wire.call("session.create", id="s")
    wire.post("message.append", session_id="s", role="user", content=long)
    assert segued.connect().call("daemon.ping") == "pong"
    message = wire.call("message.get", message_id=wire.answer()["result"]["message_id"])
    assert message["content"] == long.replace(PEM, "[redacted:private-key]")
    assert redacted(wire)["redacted"] == {"private-key": 1}


def test_a_retry_of_a_redacted_message_is_a_duplicate(segued: Segued) -> None:
    same: dict[str, Any] = {"role": "user", "content": KEY, "parts": [{"b": KEY, "a": 1}], "key": "k"}
    segued.start().connect().call("session.create", id="s")
    first = segued.connect().call("message.append", session_id="s", **same)
    segued.stop()
    segued.config.write_text("[privacy]\nredact = true\n")
    wire = segued.start().connect()
    assert wire.call("message.append", session_id="s", **same) == {**first, "duplicate": True}
    second = wire.call("message.append", session_id="s", **{**same, "key": "l"})
    assert wire.call("message.append", session_id="s", **{**same, "key": "l"}) == {**second, "duplicate": True}
    segued.stop()
    segued.config.write_text("")
    wire = segued.start().connect()
    assert wire.call("message.append", session_id="s", **{**same, "key": "l"}) == {**second, "duplicate": True}
    with pytest.raises(Conflict):
        wire.call("message.append", session_id="s", role="user", content=f"{KEY}!", key="l")


def test_nothing_is_redacted_without_the_setting(segued: Segued) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="s", name=KEY)
    wire.call("message.append", session_id="s", role="user", content=KEY)
    [message] = wire.call("message.list", session_id="s")["messages"]
    assert message["content"] == wire.call("session.get", session_id="s")["name"] == KEY
    assert redacted(wire) == {"redact": False, "redacted": {}}


def test_values_other_than_text_are_unchanged(wire: Wire, tmp_path: Path) -> None:
    wire.call("session.create", id="s")
    odd: list[dict[str, Any]] = [{"n": 2**53, "f": 1.5, "t": True, "z": None, "e": "", "l": [], "o": {}}]
    made = wire.call("message.append", session_id="s", role="tool", content="", parts=odd, metadata={})
    message = wire.call("message.get", message_id=made["message_id"])
    assert (message["parts"], message["content"], message["metadata"]) == (odd, "", {})
    assert wire.call("session.update", session_id="s", name=None, metadata=None)["name"] is None


def test_a_long_message_of_a_batch_keeps_its_place(wire: Wire) -> None:
    wire.call("session.create", id="s")
    contents = ["long " * 100_000, "short", "longer " * 10_000, "last"]
    wire.ask(
        json.dumps(
            [
                {
                    "jsonrpc": "2.0",
                    "id": number,
                    "method": "message.append",
                    "params": {"session_id": "s", "role": "user", "content": content},
                }
                for number, content in enumerate(contents)
            ]
        ).encode()
    )
    messages = wire.call("message.list", session_id="s")["messages"]
    assert [message["content"] for message in messages] == contents
