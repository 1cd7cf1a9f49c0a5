"""Figures of messages: kept in slices, removed by changes, and in the end what the messages say."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from segue.models import MAX_INTEGER, StatsGroup
from segue.store.records import purges, sessions
from segue.store.records.message import edit
from segue.store.records.messages import OF_ALL, delete_before
from segue.store.search import index, index_entries
from segue.store.stats import figures, series, stats
from segue.timestamps import timestamp
from tests.support.clock import DAY, HOUR, MINUTE, START_MS
from tests.support.database import Database
from tests.support.model.stats import session_stats
from tests.support.model.world import World

CALL = {"type": "tool_use", "id": "c1", "name": "Bash", "input": {}}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return a database that counts messages as soon as three are there, at most three in a slice."""
    monkeypatch.setattr(figures, "LAG", 0)
    monkeypatch.setattr(figures, "SLICE_MESSAGES", 3)
    monkeypatch.setattr(index_entries, "SLICE_MESSAGES", 1)  # so that deleted messages stay hidden for a while
    return Database(tmp_path / "sessions.db")


def count(database: Database) -> int:
    """Count what is due; returns the number of steps."""
    steps = 0
    while figures.is_due(database.tx, index.newest(database.tx)):
        figures.step(database.tx, index.newest(database.tx))
        steps += 1
    return steps


def collect(database: Database, group_by: StatsGroup = "day", tz: str = "UTC", **filter: Any) -> dict[str, Any]:
    found = stats.collect(database.tx, stats.Filter(**filter), group_by, tz, 2**24, 60)
    return dict(msgspec.to_builtins(found))


def recounted(database: Database, group_by: StatsGroup = "day", tz: str = "UTC", **filter: Any) -> dict[str, Any]:
    """Return the same from the rows themselves, by the plain model."""
    world = World(now=START_MS, bots={})
    columns = "id, session_id, role, model, input_tokens, output_tokens, created_at, parts"
    for row in database.connection.execute(f"SELECT {columns} FROM messages WHERE {OF_ALL}").fetchall():
        message = dict(zip(columns.split(", "), row, strict=True))
        world.messages.append({**message, "parts": json.loads(message["parts"] or "null")})
    for id, model, project in database.connection.execute("SELECT id, model, project FROM sessions"):
        world.sessions[id] = {"model": model, "project": project, "source": None}
    world.messages = [message for message in world.messages if message["session_id"] in world.sessions]
    return session_stats(world, group_by=group_by, tz=tz, **filter)


def jump_ids(database: Database, newest: int) -> None:
    """Let the next message have the id after this one."""
    database.connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages'", (newest,))


@pytest.mark.parametrize("seed", range(8))
def test_after_any_changes_the_sums_are_those_of_the_messages(database: Database, seed: int) -> None:
    choice = random.Random(seed)
    for number in range(5):
        database.session(f"s{number}", project=f"/p{number % 2}", model=choice.choice([None, "m"]))
    for _ in range(150):
        change(database, choice)
    zones = ["UTC", "Asia/Kathmandu", "America/St_Johns"]
    for group in ("day", "week", "month", "model", "project", "tool"):
        tz, since = choice.choice(zones), timestamp(START_MS - choice.randrange(3 * DAY))
        for filter in ({}, {"since": since}, {"until": since}, {"since": since, "until": timestamp(START_MS)}):
            assert collect(database, group, tz, **filter) == recounted(database, group, tz, **filter)


def test_a_block_is_counted_again_when_a_purge_of_its_messages_has_ended(database: Database) -> None:
    database.session("s")
    ids = [database.append("s", "x") for _ in range(9)]
    count(database)
    delete_before(database.tx, "s", ids[4])
    assert purges.are_due(database.tx, None)
    while purges.are_due(database.tx, None):
        assert not figures.is_due(database.tx, ids[-1])
        purges.remove_slice(database.tx)
        assert collect(database) == recounted(database)
    assert count(database) > 0
    assert collect(database) == recounted(database)


def change(database: Database, choice: random.Random) -> None:
    held = f"SELECT id FROM messages WHERE {OF_ALL} AND session_id IN (SELECT id FROM sessions)"
    ids = [id for (id,) in database.connection.execute(held)]
    session = f"s{choice.randrange(5)}"
    kind = choice.choice(
        ["append"] * 12 + ["count"] * 4 + ["update", "delete", "before", "gone", "purge", "jump", "before"]
    )
    if kind == "append" and sessions_has(database, session):
        more = {
            "role": choice.choice(["user", "assistant", "tool"]),
            "parts": choice.choice([None, [CALL], [CALL, {**CALL, "id": "c2"}]]),
            "input_tokens": choice.choice([None, 0, 7]),
            "output_tokens": choice.randrange(9),
            "model": choice.choice([None, "a", "b"]),
            "created_at": timestamp(START_MS - choice.randrange(4) * DAY - choice.randrange(DAY)),
        }
        database.append(session, "x", **more)
    elif kind == "update" and ids:
        edit.update(database.tx, choice.choice(ids), {"output_tokens": 50, "model": "c"})
    elif kind == "delete" and ids:
        delete(database, choice.choice(ids))
    elif kind == "before" and ids and sessions_has(database, session):
        delete_before(database.tx, session, choice.choice([*ids, *{id >> 12 << 12 for id in ids}]))
    elif kind == "gone" and choice.random() < 0.3:
        sessions.delete(database.tx, session)
    elif kind == "count" and ids:
        figures.step(database.tx, index.newest(database.tx))
    elif kind == "purge":
        purges.remove_slice(database.tx)
    elif kind == "jump" and ids:
        jump_ids(database, max(ids) | 4095 - choice.randrange(4))


def sessions_has(database: Database, session: str) -> bool:
    return database.tx.run("SELECT 1 FROM sessions WHERE id = :id", id=session).fetchone() is not None


def delete(database: Database, id: int) -> None:
    [session] = database.tx.run("SELECT session_id FROM messages WHERE id = :id", id=id).fetchone()
    edit.delete(database.tx, session, message_ids=[id], keys=None)


def rows(database: Database) -> list[tuple[Any, ...]]:
    columns = "session_id, block, model, messages, user_messages, tool_calls, input_tokens, output_tokens"
    return database.connection.execute(f"SELECT {columns} FROM message_figures ORDER BY 1, 2, 3").fetchall()


def test_a_row_is_kept_for_each_session_block_and_model(database: Database) -> None:
    for session in ("a", "b"):
        database.session(session)
    database.append("a", "x", role="user")
    database.append("a", "x", model="m", parts=[CALL], output_tokens=3)
    database.append("b", "x", model="m", input_tokens=4)
    jump_ids(database, 4095)
    database.append("a", "x", model="m", output_tokens=1)
    database.append("a", "x", model="m", output_tokens=1)
    database.append("a", "x", model="m", output_tokens=1)
    count(database)
    assert rows(database) == [
        ("a", 0, "", 1, 1, 0, 0, 0),
        ("a", 0, "m", 1, 0, 1, 0, 3),
        ("a", 1, "m", 3, 0, 0, 0, 3),
        ("b", 0, "m", 1, 0, 0, 4, 0),
    ]


def test_a_changed_block_is_counted_again_in_slices_and_others_stay(database: Database) -> None:
    for session in ("a", "b"):
        database.session(session)
        for _ in range(9):
            database.append(session, "x", output_tokens=1)
    count(database)
    before = rows(database)
    edit.update(database.tx, 4, {"output_tokens": 5})
    assert rows(database) == before[1:]
    assert collect(database) == recounted(database)
    assert count(database) == 4
    assert rows(database) == [("a", 0, "", 9, 0, 0, 0, 13), *before[1:]]


def test_the_newest_messages_are_not_counted_because_they_still_change(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "LAG", 5)
    database.session("a")
    for _ in range(12):
        newest = database.append("a", "x", output_tokens=1)
    count(database)
    [row] = rows(database)
    assert row[3] == 6
    edit.update(database.tx, newest, {"output_tokens": 2})
    assert rows(database) == [row]
    assert collect(database)["total"]["output_tokens"] == 13


def test_content_can_change_without_a_recount(database: Database) -> None:
    database.session("a")
    for _ in range(3):
        database.append("a", "x")
    count(database)
    before = rows(database)
    edit.update(database.tx, 1, {"content": "y"})
    assert rows(database) == before


def test_nothing_is_kept_of_a_deleted_session(database: Database) -> None:
    for session in ("a", "b"):
        database.session(session)
        for _ in range(3):
            database.append(session, "x")
    count(database)
    sessions.delete(database.tx, "a")
    assert collect(database) == recounted(database)
    database.purge()
    count(database)
    assert [row[0] for row in rows(database)] == ["b"]
    assert database.connection.execute("SELECT count(*) FROM message_recounts").fetchone() == (0,)


@pytest.mark.parametrize(("before_id", "held"), [(3, 8), (4096, 5), (4098, 3)])
def test_messages_that_wait_for_their_purge_do_not_count(database: Database, before_id: int, held: int) -> None:
    database.session("a")
    for _ in range(5):
        database.append("a", "x")
    jump_ids(database, 4095)
    for _ in range(5):
        database.append("a", "x")
    count(database)
    delete_before(database.tx, "a", before_id)
    assert database.tx.run("SELECT count(*) FROM messages").fetchone()[0] > held
    assert collect(database)["total"]["messages"] == held


def test_a_session_that_gets_the_id_of_a_deleted_one_starts_at_zero(database: Database) -> None:
    database.session("a")
    for _ in range(4):
        database.append("a", "x")
    count(database)
    sessions.delete(database.tx, "a")
    database.session("a")
    database.append("a", "x")
    assert collect(database)["total"]["messages"] == 1


def test_sums_stop_at_the_largest_integer(database: Database) -> None:
    database.session("a")
    for _ in range(6):
        database.append("a", "x", input_tokens=MAX_INTEGER, output_tokens=1)
    for _ in range(2):
        assert collect(database)["total"]["input_tokens"] == MAX_INTEGER
        assert collect(database)["rows"][0]["output_tokens"] == 6
        count(database)


def test_a_damaged_time_or_parts_do_not_stop_the_statistics(database: Database) -> None:
    database.session("a")
    for _ in range(4):
        database.append("a", "x", parts=[CALL])
    database.connection.execute("UPDATE messages SET created_at = 'never' WHERE id = 1")
    database.connection.execute("UPDATE messages SET parts = '{', model = CAST(x'ff' AS TEXT) WHERE id = 2")
    for _ in range(2):
        total = collect(database)["total"]
        assert (total["messages"], total["tool_calls"]) == (3, 2)
        count(database)


def test_a_slice_ends_when_its_parts_are_large(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "SLICE_BYTES", 100)
    database.session("a")
    for _ in range(4):
        database.append("a", "x", parts=[{"type": "text", "text": "x" * 200}])
    figures.step(database.tx, 4)
    assert [row[3] for row in rows(database)] == [1]


def test_a_series_is_short_where_numbers_are_equal() -> None:
    assert series.encode_series({5: (1, 0, 0, 0, 0)}) == ""
    assert series.encode_series({5: (1, 0, 0, 0, 9), 7: (1, 1, 0, 0, 9)}) == "[[0,2],1,[0,1],0,0,9]"


def test_rows_are_bounded_and_the_total_counts_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "MAX_ROWS", 2)
    database.session("a")
    for number in range(4):
        for _ in range(number + 1):
            database.append("a", "x", model=f"m{number}", created_at=timestamp(START_MS - number * DAY))
    by_day, by_model = collect(database), collect(database, "model")
    assert [row["messages"] for row in by_day["rows"]] == [2, 1]
    assert [row["key"] for row in by_model["rows"]] == ["m3", "m2"]
    for page in (by_day, by_model):
        assert page["has_more"]
        assert page["total"]["messages"] == 10
    found = stats.collect(database.tx, stats.Filter(), "day", "UTC", 1, 60)
    assert (len(found.rows), found.has_more) == (1, True)


def test_a_long_series_is_cut_at_the_millisecond(database: Database) -> None:
    database.session("a")
    for number in range(9):
        database.append("a", "x", created_at=timestamp(START_MS - HOUR + number * MINUTE))
    count(database)
    at = timestamp(START_MS - HOUR + 4 * MINUTE)
    assert collect(database, since=at)["total"]["messages"] == 4
    assert collect(database, until=at)["total"]["messages"] == 5
    assert collect(database, "model", since=timestamp(START_MS - HOUR + 4 * MINUTE - 1))["total"]["messages"] == 5
