"""Databases of older versions are migrated, and clients of older protocols get the same responses."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segue import PROTOCOL
from segue.store.engine.connection import connect_writer
from segue.store.engine.migrate import load_migrations
from segue.store.engine.schema import read_schema
from tests.support.golden_files import CONFIG, READS, database, exchange, lines
from tests.support.process import Segued

NEWEST = len(load_migrations())
SCHEMAS = range(1, NEWEST + 1)
PROTOCOLS = range(1, PROTOCOL + 1)


def holds(new: Any, old: Any) -> bool:
    """Return True if the new response has every member of the old one; it may have more."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and holds(new[name], old[name]) for name in old)
    if isinstance(old, list):
        return isinstance(new, list) and len(new) == len(old) and all(map(holds, new, old))
    if isinstance(old, float):  # A score, whose last digits depend on the machine.
        return bool(new == pytest.approx(old))
    return bool(new == old)


def shape(value: Any) -> Any:
    """Return the value with texts and numbers replaced by their types, except those that programs compare."""
    if isinstance(value, dict):
        return {name: value[name] if name in ("code", "kind", "reason") else shape(value[name]) for name in value}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


def structure(path: Path) -> dict[tuple[str, str], str]:
    with closing(sqlite3.connect(path)) as connection:
        return read_schema(connection)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_database_of_each_schema_is_migrated_completely(segued: Segued, schema: int) -> None:
    segued.database.parent.mkdir(mode=0o700)
    shutil.copyfile(database(schema), segued.database)
    segued.database.chmod(0o600)
    segued.config.write_text(CONFIG)
    with segued.start().connect() as wire:
        assert wire.call("daemon.status")["database"]["schema_version"] == NEWEST
        kept = lines(exchange(1))[-len(READS) :]
        assert [line["request"]["method"] for line in kept] == [method for method, _ in READS]
        for line in kept:
            answer = wire.ask(json.dumps(line["request"]).encode())
            assert holds(answer, line["answer"]), line["request"]
        written = wire.call("message.append", session_id="plain", role="user", content="after the upgrade")
        assert wire.call("message.get", message_id=written["message_id"])["content"] == "after the upgrade"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_client_of_each_protocol_gets_the_same_responses(segued: Segued, protocol: int) -> None:
    segued.config.write_text(CONFIG)
    with segued.start().connect() as wire:
        for line in lines(exchange(protocol)):
            answer = wire.ask(json.dumps(line["request"]).encode())
            assert holds(shape(answer), shape(line["answer"])), (line, answer)


def test_the_newest_schema_has_a_sample_database(tmp_path: Path) -> None:
    """Released migrations never change, because the sample file would no longer be their result."""
    with closing(sqlite3.connect(database(NEWEST))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST,)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connect_writer(tmp_path / "new.db", "normal").close()
    assert structure(database(NEWEST)) == structure(tmp_path / "new.db"), (
        "not released yet? run: python -m tests.support.golden_files"
    )
