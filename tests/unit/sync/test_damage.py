"""Rows that another program damaged do not stop sync."""

from pathlib import Path
from random import Random

from segue.models import Draft
from segue.store.engine.transactions import run_read
from segue.store.records import append, sessions
from segue.store.records.append import prepare
from segue.store.sync import collecting
from segue.store.sync.wire import MessageRecord
from segue.sync.keys import new_key
from tests.support.clock import START_MS
from tests.support.sync.machine import Machine


def test_a_damaged_message_is_left_out_and_the_others_are_published(tmp_path: Path) -> None:
    machine = Machine("m", tmp_path / "m", lambda: START_MS, Random(1))
    machine.create(new_key())
    id = machine.do(sessions.create, bot_id="default", name="one").id
    for text in ("first", "second", "third"):
        machine.do(append.append, id, prepare(Draft(role="user", content=text), 10**6))
    machine.store.connection.execute("UPDATE messages SET content = CAST(x'ff' AS TEXT) WHERE content = 'second'")
    collected = run_read(machine.store.connection, START_MS, lambda tx: collecting.collect(tx, machine.home))
    machine.store.close()
    assert collected is not None
    found = [record.values for record in collected.contents.records if isinstance(record, MessageRecord)]
    assert [next(value for value in values if value in ("first", "third")) for values in found] == ["first", "third"]
    assert collected.upto == 3
