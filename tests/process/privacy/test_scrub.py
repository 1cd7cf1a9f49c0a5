"""`segue scrub` redacts stored secrets in rows, names, the index, the WAL and the event log."""

import json
import threading
from typing import Any

import pytest

from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.secrets import SECRETS
from tests.support.system.copies import rows
from tests.support.wire import Wire

KEY = SECRETS["openai"][0]
TEXT = f"use {KEY} for it"
CLEAN = "use [redacted:openai] for it"


def bytes_of(segued: Segued) -> bytes:
    """Return the bytes of all files of the daemon in lower case, because the index folds case."""
    return b"".join(path.read_bytes() for path in segued.database.parent.iterdir()).lower()


def fill(wire: Wire) -> int:
    """Store secrets in every text member; return their number."""
    wire.call("bot.create", bot_id="b", name=TEXT, description=TEXT)
    wire.call("session.create", id="s", bot_id="b", name=TEXT, system_prompt=TEXT, metadata={"a": {"b": [TEXT]}})
    parts = [{"type": "text", "text": TEXT, "data": KEY}]
    made = wire.call("message.append", session_id="s", role="user", content=TEXT, parts=parts, metadata={"k": KEY})
    id = made["message_id"]
    wire.call("message.append", session_id="s", role="assistant", content="nothing to see, ärger", key="plain")
    wire.call("summary.save", session_id="s", summary=TEXT, messages_start=id, messages_end=id, token_count=1)
    wire.call("memory.save", fact=TEXT, category="fact", importance=1, bot_id="b")
    entry = wire.call("extraction.enqueue", session_id="s")["id"]
    wire.call("extraction.fail", extraction_id=entry, error=TEXT)
    wire.call("message.append", working_dir="/named", role="user", content=f"{KEY} is the key")
    return 13


def test_no_file_holds_a_secret_after_a_scrub(segued: Segued) -> None:
    wire = segued.start().connect()
    count = fill(wire)
    assert wire.call("message.search", query=KEY)["total"] == 2
    assert KEY.lower().encode() in bytes_of(segued)
    result = wire.call("daemon.scrub")
    assert (result["found"], result["dry_run"], result["wiped"]) == ({"openai": count}, False, True)
    assert result["rows"] == {"messages": 2, "sessions": 1, "memories": 1, "summaries": 1, "bots": 1, "extractions": 1}
    assert (result["message_ids"], result["session_ids"], result["memory_ids"]) == ([1, 3], ["s"], [1])
    assert KEY.lower().encode() not in bytes_of(segued)
    message = wire.call("message.get", message_id=1)
    assert (message["content"], message["metadata"]) == (CLEAN, {"k": "[redacted:openai]"})
    assert message["parts"] == [{"type": "text", "text": CLEAN, "data": "[redacted:openai]"}]
    session = wire.call("session.get", session_id="s")
    assert (session["name"], session["system_prompt"], session["metadata"]) == (CLEAN, CLEAN, {"a": {"b": [CLEAN]}})
    assert wire.call("message.search", query=KEY)["total"] == 0
    assert {hit["message_id"] for hit in wire.call("message.search", query="redacted for it")["hits"]} == {1}
    assert rows(segued.database, "SELECT term FROM message_vocabulary WHERE instr(term, ?)", KEY[3:].lower()) == []
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    again = wire.call("daemon.scrub")
    assert (again["found"], again["rows"]) == ({}, {})


def test_a_name_with_the_beginning_of_a_secret_is_generated_again(segued: Segued) -> None:
    wire = segued.start().connect()
    made = wire.call("message.append", working_dir="/w", role="user", content=f"{KEY} is the key")
    before = wire.call("session.get", session_id=made["session_id"])["name"]
    assert before.startswith(KEY[:30])
    wire.call("daemon.scrub")
    name = wire.call("session.get", session_id=made["session_id"])["name"]
    assert name == f"[redacted:openai] is the key{before[30:]}"
    [row] = wire.call("session.list")["sessions"]
    assert row["preview"] == "[redacted:openai] is the key"
    assert KEY[:30].lower().encode() not in bytes_of(segued)


def test_a_name_with_the_beginning_of_a_deleted_secret_is_redacted(segued: Segued) -> None:
    wire = segued.start().connect()
    session = wire.call("message.append", working_dir="/w", role="user", content=f"use {KEY}")["session_id"]
    last = wire.call("message.append", session_id=session, role="user", content="second")["message_id"]
    before = wire.call("session.get", session_id=session)["name"]
    assert wire.call("message.search", query="second")["total"] == 1
    wire.call("message.delete_before", session_id=session, before_id=last)
    rehearsed = wire.call("daemon.scrub", dry_run=True)
    result = wire.call("daemon.scrub")
    assert result["session_ids"] == rehearsed["session_ids"] == [session]
    assert result["found"] == rehearsed["found"] == {"openai": 1}
    assert wire.call("session.get", session_id=session)["name"] == f"use [redacted:openai]{before[30:]}"
    assert KEY[:20].lower().encode() not in bytes_of(segued)
    assert wire.call("daemon.scrub")["found"] == {}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_name_set_by_the_user_is_unchanged(segued: Segued) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="s", name="mine")
    wire.call("message.append", session_id="s", role="user", content=KEY)
    wire.call("daemon.scrub")
    assert wire.call("session.get", session_id="s")["name"] == "mine"


def test_a_dry_run_finds_the_same_and_changes_nothing(segued: Segued) -> None:
    wire = segued.start().connect()
    fill(wire)
    before = wire.call("message.list"), wire.call("session.get", session_id="s")
    rehearsed = wire.call("daemon.scrub", dry_run=True)
    assert (wire.call("message.list"), wire.call("session.get", session_id="s")) == before
    assert (rehearsed["dry_run"], rehearsed["wiped"]) == (True, None)
    real = wire.call("daemon.scrub")
    for told in ("found", "rows", "session_ids", "message_ids", "memory_ids"):
        assert rehearsed[told] == real[told]
    assert KEY not in json.dumps([rehearsed, real])


def test_a_scrub_sends_events_and_clears_the_event_log(segued: Segued) -> None:
    wire, other = segued.start().connect(), segued.connect()
    cursor = other.call("events.subscribe")["cursor"]
    wire.call("session.create", id="s")
    wire.call("message.append", session_id="s", role="user", content=TEXT)
    wire.call("daemon.scrub")
    kinds: list[str] = []
    while not kinds or kinds[-1] != "reset":
        kinds.append(other.event()["kind"])
    late = segued.connect()
    late.call("events.subscribe", cursor=cursor)
    assert late.event()["kind"] == "reset"


def test_other_clients_are_served_during_a_scrub(segued: Segued) -> None:
    wire, other = segued.start().connect(), segued.connect()
    wire.call("session.create", id="s")
    for number in range(30):
        drafts = [{"role": "tool", "content": f"{number} {TEXT} {'word ' * 50}"} for _ in range(20)]
        wire.call("message.append_many", session_id="s", messages=drafts)
    done = threading.Event()
    answered: list[int] = []

    def go_on() -> None:
        while not done.is_set():
            answered.append(other.call("message.append", session_id="s", role="user", content="plain")["message_id"])

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        wait_until(lambda: bool(answered))
        result = wire.call("daemon.scrub")
    finally:
        done.set()
        thread.join()
    assert (result["found"], result["rows"]) == ({"openai": 600}, {"messages": 600})
    assert len(answered) > 1
    assert wire.call("message.count", session_id="s") == {"count": 600 + len(answered)}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_scrub_can_be_repeated_after_the_daemon_was_killed(segued: Segued) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="s")
    for _ in range(10):
        wire.call("message.append_many", session_id="s", messages=[{"role": "tool", "content": TEXT}] * 50)
    wire.post("daemon.scrub")
    looker = segued.connect()
    wait_until(lambda: looker.call("message.get", message_id=1)["content"] == CLEAN)
    segued.kill()
    wire = segued.start().connect()
    wire.call("daemon.scrub")
    assert KEY.lower().encode() not in bytes_of(segued)
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


@pytest.mark.parametrize("kind", ["private-key", "jwt", "telegram", "aws"])
def test_every_kind_is_redacted_in_text_and_parts(segued: Segued, kind: str) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="s")
    for secret in SECRETS[kind]:
        wire.call("message.append", session_id="s", role="tool", content=secret, parts=[{"text": secret}])
    assert wire.call("daemon.scrub")["found"] == {kind: 2 * len(SECRETS[kind])}
    assert not any(secret.lower().encode() in bytes_of(segued) for secret in SECRETS[kind])


def test_the_command_asks_for_confirmation_and_prints_no_secret(segue: Cli) -> None:
    segue.ok("add", TEXT)
    rehearsed = segue.ok("scrub", "--dry-run")
    assert rehearsed.out.splitlines() == ["openai\t1", "message 1", "1 secrets in 1 rows would be redacted"]
    assert segue.run("scrub").code == 2
    terminal = segue.terminal("scrub")
    terminal.read_until("[y/N]")
    terminal.type("n\n")
    assert terminal.finish()[0] == 1
    assert KEY in segue.ok("show").out
    assert segue.ok("scrub", "--yes").out.splitlines()[-1] == "1 secrets in 1 rows were redacted"
    found: Any = segue.ok("scrub", "--yes", "--json").json
    assert (found["found"], found["wiped"]) == ({}, True)
    assert KEY not in segue.ok("show").out
