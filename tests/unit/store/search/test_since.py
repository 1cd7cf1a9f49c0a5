"""A list of messages since a time reads only the blocks of ids that have later ones."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.models import Order
from segue.store.records.message.page import Filter, list_page
from segue.store.search import id_ranges, index
from segue.store.search.blocks import BLOCK_BITS
from segue.timestamps import timestamp
from tests.support.clock import START_MS
from tests.support.database import Database

MESSAGES = 3500


@pytest.fixture(scope="module")
def times(database: Database) -> dict[int, str]:
    """Insert messages whose times mostly grow, of which the index has three quarters; return their times."""
    choice = random.Random(1)
    times = {
        id: timestamp(START_MS + 1000 * (id if choice.randrange(100) else choice.randrange(id)))
        for id in range(1, MESSAGES + 1)
    }
    database.connection.executemany(
        "INSERT INTO messages (id, session_id, role, created_at, content) VALUES (?, ?, 'user', ?, 'x')",
        [(id, f"s{id % 3}", at) for id, at in times.items()],
    )
    while index.progress(database.tx).upto < 3 * MESSAGES // 4:
        index.step(database.tx, 3 * MESSAGES // 4)
    return times


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(Path(tmp_path_factory.mktemp("since")) / "sessions.db")
    for number in range(3):
        database.session(f"s{number}")
    yield database
    database.close()


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("session", [None, "s1"])
def test_a_list_since_a_time_has_every_later_message(
    database: Database, times: dict[int, str], session: str | None, order: Order
) -> None:
    for seconds in (-1, 0, 1, 700, 2000, 2600, 3400, 3499, 3500):
        since = timestamp(START_MS + 1000 * seconds)
        page = list_page(
            database.tx,
            Filter(session_id=session, since=since),
            limit=10_000,
            offset=0,
            order=order,
            answer_bytes=2**40,
        )
        expected = [id for id, at in times.items() if at > since and session in (None, f"s{id % 3}")]
        assert [message.id for message in page.messages] == (expected if order == "asc" else expected[::-1]), seconds


def test_older_blocks_are_not_read(database: Database, times: dict[int, str]) -> None:
    upto = index.progress(database.tx).upto
    newest_of_block = [max(at for id, at in times.items() if id >> BLOCK_BITS == block) for block in range(2)]
    assert id_ranges.first_after(database.tx, timestamp(START_MS)) == 0
    assert id_ranges.first_after(database.tx, newest_of_block[0]) == 1 << BLOCK_BITS
    assert id_ranges.first_after(database.tx, max(newest_of_block)) == 2 << BLOCK_BITS
    assert id_ranges.first_after(database.tx, timestamp(START_MS + 10_000_000)) == upto + 1
