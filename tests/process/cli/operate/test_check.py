"""`segue check`: every kind of problem is reported by name, with a fix."""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segue.cli.output.check_advice import ADVICE
from tests.process.command_line import Cli
from tests.support.process import Segued

PAGE = 4096


@pytest.fixture
def filled(segued: Segued) -> Iterator[Path]:
    """Yield a database of some hundred pages, which no daemon serves; repair it at the end of the test."""
    wire = segued.start().connect()
    wire.call("session.create", id="s")
    for _ in range(200):
        wire.call("message.append", session_id="s", role="user", content="zebra " * 200)
    wire.call("message.search", query="zebra")
    assert segued.stop() == 0
    sound = segued.folder / "sound.db"
    shutil.copy(segued.database, sound)
    yield segued.database
    if segued.process is not None and segued.process.poll() is None:
        segued.stop()
    for suffix in ("-wal", "-shm"):
        Path(f"{segued.database}{suffix}").unlink(missing_ok=True)
    shutil.copy(sound, segued.database)


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def leaf_of_messages(path: Path) -> int:
    """Return the number of a page that holds messages and nothing else."""
    data = path.read_bytes()
    pages = [number for number in range(1, len(data) // PAGE) if data[number * PAGE] == 13]
    return next(number for number in reversed(pages) if b"zebra zebra" in data[number * PAGE : (number + 1) * PAGE]) + 1


def break_a_cell(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek((leaf_of_messages(path) - 1) * PAGE + 8)
        file.write(b"\xff\xff")


def break_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek((leaf_of_messages(path) - 1) * PAGE)
        file.write(b"\xff" * 300)


def lose_a_session(path: Path) -> None:
    execute(path, "PRAGMA foreign_keys = OFF", "DELETE FROM sessions")


def lose_a_bot(path: Path) -> None:
    execute(path, "PRAGMA foreign_keys = OFF", "UPDATE sessions SET bot_id = 'nobody'")


def miscount(path: Path) -> None:
    execute(path, "UPDATE sessions SET message_count = 7")


def use_up_the_ids(path: Path) -> None:
    execute(path, "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'messages'")


def lose_words(path: Path) -> None:
    execute(path, "DELETE FROM message_words_data WHERE id > 100")


PROBLEMS: dict[Callable[[Path], None], tuple[str, str]] = {
    break_a_cell: ("file", "page"),
    break_a_page: ("file", "table messages"),
    lose_a_session: ("references", "200 messages without their session 's'"),
    lose_a_bot: ("references", "of sessions"),
    miscount: ("counters", "is 7, it holds 200"),
    use_up_the_ids: ("numbers", "the last ID of table messages is 9223372036854775807"),
    lose_words: ("search index", "being rebuilt"),
}


@pytest.mark.parametrize("spoil", PROBLEMS)
def test_a_problem_is_named_with_what_to_do_about_it(
    segued: Segued, unserved: Cli, filled: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(filled)
    kind, words = PROBLEMS[spoil]
    segued.allowed_errors += ["maintenance failed", "cleanup failed"]
    segued.start()
    outcome = unserved.run("check", "--full")
    assert (outcome.code, outcome.err) == (1, "")
    told = [line for line in outcome.out.splitlines() if line.startswith(f"{kind}: ") and words in line]
    assert told, outcome.out
    assert f"  {kind}: {ADVICE[kind]}" in outcome.out.splitlines()
    assert segued.connect().call("daemon.ping") == "pong"


@pytest.mark.parametrize("spoil", [break_a_cell, break_a_page])
def test_the_number_of_a_broken_page_is_reported(
    segued: Segued, unserved: Cli, filled: Path, spoil: Callable[[Path], None]
) -> None:
    number = leaf_of_messages(filled)
    spoil(filled)
    segued.start()
    for arguments in (["check"], ["check", "--full"]):
        assert re.search(rf"[Pp]age {number}\b", unserved.run(*arguments).out)


def test_wide_modes_and_a_lost_file_have_advice(segued: Segued, segue: Cli) -> None:
    segued.database.chmod(0o640)
    outcome = segue.run("check")
    assert outcome.code == 1
    assert f"  modes: {ADVICE['modes']}" in outcome.out
    segued.database.chmod(0o600)
    moved = segued.folder / "moved.db"
    segued.database.rename(moved)
    outcome = segue.run("check")
    assert outcome.out.startswith("lost: ")
    assert f"  lost: {ADVICE['lost']}" in outcome.out
    moved.rename(segued.database)
    segued.allowed_errors.append("removed or replaced")


def test_a_sound_file_is_ok(segue: Cli) -> None:
    segue.ok("add", "hello")
    assert segue.ok("check").out == segue.ok("check", "--full").out == "ok\n"
