"""The index beside the messages: behind them, damaged, of another version, and through deletions in any order."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.runtime.progress import Progress
from segue.store.records import bots, forks, messages, purges, session_update, sessions
from segue.store.records.message import edit
from segue.store.search import index, index_check
from segue.store.search.text import tokenizer
from tests.support.database import Database, emptied
from tests.support.wire import TIMEOUT_SECONDS


@pytest.fixture
def database(file: Database) -> Database:
    return emptied(file)


@pytest.mark.parametrize(("seconds", "steps"), [(0.0, 180), (TIMEOUT_SECONDS, 2)])
def test_an_index_catches_up_in_slices_of_bounded_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, seconds: float, steps: int
) -> None:
    monkeypatch.setattr(index, "TEXT_SECONDS", seconds)
    monkeypatch.setattr("segue.store.search.index_entries.NEW_MESSAGES", 100)
    session = database.session("s")
    made = {database.append(session, "zebra") for _ in range(180)}
    assert database.check() == [], "an index that is_behind is sound"
    assert database.catch_up() == steps
    assert database.find("zebra") == made
    assert database.check() == []


def test_a_slice_ends_after_a_large_message(database: Database) -> None:
    session = database.session("s")
    for _ in range(3):
        database.append(session, "zebra " * 25_000)
    assert database.catch_up() == 3


def test_a_slice_that_is_rolled_back_is_repeated(database: Database) -> None:
    session = database.session("s")
    made = {database.append(session, "zebra") for _ in range(10)}
    database.connection.execute("BEGIN")
    database.catch_up()
    database.connection.execute("ROLLBACK")
    assert index.progress(database.tx).upto == 0
    assert database.find("zebra") == made
    assert database.check() == []


def test_a_message_deleted_before_it_is_indexed_is_never_indexed(database: Database) -> None:
    session = database.session("s")
    database.append(session, "zebra indexed")
    database.catch_up()
    database.append(session, "zebra not indexed")
    last = database.append(session, "zebra last")
    messages.delete_before(database.tx, session, last)
    assert database.find("zebra") == {last}
    assert database.check() == []
    database.append(session, "lion")
    sessions.delete(database.tx, session)
    assert database.find("zebra") == database.find("lion") == set()
    database.purge()
    assert database.check() == []
    assert database.connection.execute("SELECT count(*) FROM search_sessions").fetchone() == (0,)


def test_hidden_messages_are_neither_found_nor_counted(database: Database) -> None:
    one, two = database.session("one"), database.session("two")
    made = [database.append(one, "zebra") for _ in range(150)]
    kept = database.append(two, "zebra")
    database.catch_up()
    messages.delete_before(database.tx, one, made[-2])
    assert database.connection.execute("SELECT count(*) FROM messages").fetchone()[0] > 100
    assert database.find("zebra") == {*made[-2:], kept}
    assert database.find("zebra", session_id=one) == {*made[-2:]}
    sessions.delete(database.tx, one)
    assert database.find("zebra") == {kept}
    assert database.find("zebra", since="2000-01-01T00:00:00.000Z") == {kept}


def test_matches_are_counted_during_more_purges_than_are_subtracted(database: Database) -> None:
    bots.create(database.tx, "b", "b", None)
    kept = database.append(database.session("kept"), "zebra")
    for number in range(120):
        database.append(database.session(f"s{number}", bot_id="b"), "zebra")
    database.catch_up()
    bots.delete_slice(database.tx, "b")
    assert database.find("zebra") == {kept}
    database.purge()
    assert database.find("zebra") == {kept}
    assert database.check() == []


def test_a_session_with_a_reused_id_inherits_nothing(database: Database) -> None:
    first = database.session("s", name="Before", working_dir="/a")
    for _ in range(150):
        database.append(first, "zebra")
    database.catch_up()
    sessions.delete(database.tx, first)
    again = database.session("s", name="After", working_dir="/b")
    made = database.append(again, "zebra")
    assert database.find("zebra") == database.find("after zebra") == database.find("zebra", working_dir="/b") == {made}
    assert database.find("before zebra") == database.find("zebra", working_dir="/a") == set()
    database.purge()
    assert database.find("after zebra") == {made}
    assert database.check() == []


def test_deleted_words_are_gone_from_the_index_after_the_merge(database: Database) -> None:
    kept = database.append(database.session("kept"), "lion")
    session = database.session("s", name="xylophonename")
    for number in range(100):
        database.append(session, f"quaggaword and {number}")
    database.catch_up()
    assert database.holds("quaggawor")
    assert database.holds("xylophonenam")
    sessions.delete(database.tx, session)
    assert not index.merge_is_due(database.tx), "while more is to be removed a merge would be for nothing"
    database.purge()
    assert index.merge_is_due(database.tx)
    database.merge()
    assert not database.holds("uagga")
    assert not database.holds("ylophone")
    assert database.find("lion") == {kept}
    assert database.check() == []


def test_a_damaged_index_is_reported_and_rebuilt(database: Database) -> None:
    session = database.session("s")
    made = [database.append(session, f"zebra {number}") for number in range(100)]
    database.catch_up()
    database.damage()
    with pytest.raises(index.IndexDamaged):
        database.page("zebra")
    assert database_problems(database) == ["search index: damaged"]
    database.append(session, "one more")
    messages.delete_before(database.tx, session, made[50])
    database.purge()
    assert len(database.find("zebra")) == 50
    assert database.check() == []


def database_problems(database: Database) -> list[str]:
    with pytest.raises(sqlite3.DatabaseError):
        database.check()
    return index_check.check(database.tx, Progress("check"))


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("INSERT INTO message_words (rowid, words) VALUES (999, 'x §ruser')", "1 messages in it are deleted"),
        ("DELETE FROM search_names", "1 session names do not fit"),
        ("UPDATE search_progress SET upto = upto + 1000", "1 messages are missing"),
    ],
)
def test_an_index_that_differs_from_the_messages_is_reported(database: Database, sql: str, problem: str) -> None:
    session = database.session("s")
    database.append(session, "zebra")
    database.catch_up()
    database.append(session, "lion")
    database.connection.execute(sql)
    assert any(problem in found for found in database.check())


def test_an_index_of_another_version_is_rebuilt(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = database.append(database.session("s"), "zebra")
    database.catch_up()
    monkeypatch.setattr(tokenizer, "VERSION", "another")
    assert database.catch_up() == 1
    assert index.progress(database.tx).version == "another"
    assert database.find("zebra") == {made}


def test_a_row_that_cannot_be_decoded_does_not_stop_the_index(database: Database) -> None:
    session = database.session("s")
    database.append(session, "broken")
    database.connection.execute("UPDATE messages SET parts = '[{', content = CAST(x'7a65627261ff' AS TEXT)")
    made = database.append(session, "zebra")
    assert made in database.find("zebra")
    sessions.delete(database.tx, session)
    database.purge()
    assert database.check() == []


NAMES = st.sampled_from(["Lion", "Tiger den", None])
DIRECTORIES = st.sampled_from(["/a", "/b", None])
SESSIONS = st.sampled_from(["one", "two"])
DEED = st.one_of(
    st.tuples(st.just("append"), SESSIONS, st.sampled_from(["zebra", "lion zebra", "tiger", "elk lion"])),
    st.tuples(st.just("name"), SESSIONS, NAMES),
    st.tuples(st.just("move"), SESSIONS, DIRECTORIES),
    st.tuples(st.just("cut"), SESSIONS, st.integers(0, 12)),
    st.tuples(st.just("edit"), SESSIONS, st.sampled_from(["lion", "zebra elk"])),
    st.tuples(st.just("remove"), SESSIONS, st.integers(0, 6)),
    st.tuples(st.just("conceal"), SESSIONS, st.sampled_from(["zebra", "tiger"])),
    st.tuples(st.just("delete"), SESSIONS, st.none()),
    st.tuples(st.just("fork"), SESSIONS, st.none()),
    st.tuples(st.just("purge"), SESSIONS, st.none()),
    st.tuples(st.just("step"), SESSIONS, st.integers(1, 4)),
    st.tuples(st.just("merge"), SESSIONS, st.none()),
)


@settings(max_examples=150, deadline=None)
@given(deeds=st.lists(DEED, max_size=30))
def test_the_index_fits_after_any_sequence_of_changes(
    file: Database, monkeypatch: pytest.MonkeyPatch, deeds: list[tuple[str, str, object]]
) -> None:
    monkeypatch.setattr("segue.store.search.index_entries.SLICE_MESSAGES", 2)
    monkeypatch.setattr("segue.store.search.index_entries.NEW_MESSAGES", 2)
    database = emptied(file)
    for deed, session, value in deeds:
        do(database, deed, session, value)
    rows = database.connection.execute(
        """
        SELECT m.id, iif(m.indexed, m.content, ''), coalesce(s.name, ''), s.working_dir FROM messages AS m
        JOIN sessions AS s ON s.id = m.session_id LEFT JOIN purges AS p ON p.session_id = m.session_id
        WHERE m.id >= coalesce(p.before_id, 0)
        """
    ).fetchall()
    for word in ("zebra", "lion", "tiger", "elk"):
        holding = [(id, directory) for id, text, _, directory in rows if word in text.split()]
        assert database.find(word) == {id for id, _ in holding}
        assert database.find(word, working_dir="/a") == {id for id, directory in holding if directory == "/a"}
    for pair in ({"zebra", "lion"}, {"tiger", "den"}, {"elk", "tiger"}):
        found = {
            id
            for id, text, name, _ in rows
            if pair & set(text.split()) and pair <= {*text.split(), *name.lower().split()}
        }
        assert database.find(" ".join(pair)) == found
    assert database.check() == []


def do(database: Database, deed: str, session: str, value: object) -> None:  # noqa: C901 - a line for each deed
    tx = database.tx
    if tx.run("SELECT 1 FROM sessions WHERE id = :id", id=session).fetchone() is None:
        database.session(session, working_dir="/a", name=None)
    newest = index.newest(tx)
    match deed:
        case "append":
            database.append(session, str(value))
        case "name":
            session_update.update(tx, session, {"name": value})
        case "move":
            session_update.update(tx, session, {"working_dir": value})
        case "cut":
            messages.delete_before(tx, session, newest - int(str(value)))
        case "delete":
            sessions.delete(tx, session)
        case "edit":
            if newest_of := messages.newest_id(tx, session):
                edit.update(tx, newest_of, {"content": value})
        case "remove":
            edit.delete(tx, session, message_ids=[newest - int(str(value))], keys=None)
        case "conceal":
            database.append(session, str(value), indexed=False)
        case "fork":
            forks.fork(tx, session, None, None)
        case "purge":
            purges.remove_slice(tx)
        case "merge":
            database.merge()
        case "step":
            for _ in range(int(str(value))):
                if index.is_behind(tx, newest):
                    index.step(tx, newest)
