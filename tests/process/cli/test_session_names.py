"""Every way to name a session: parts of its ID, its position, and its name."""

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued


@pytest.fixture
def three(segue: Cli, segued: Segued) -> Cli:
    """Return a command line with three sessions of other directories, newest last."""
    wire = segued.connect()
    for id, name in (
        ("2026-11-27-0340-249", "Fix the zebra importer"),
        ("2026-11-27-0340-777", "Deploy"),
        ("2026-11-28-1702-249", "deploy the importer"),
    ):
        wire.call("session.create", id=id, name=name, working_dir="/elsewhere")
    return segue


@pytest.mark.parametrize(
    ("given", "id"),
    [
        ("2026-11-27-0340-249", "2026-11-27-0340-249"),
        ("2026-11-28", "2026-11-28-1702-249"),
        ("777", "2026-11-27-0340-777"),
        ("0340-249", "2026-11-27-0340-249"),
        ("@1", "2026-11-28-1702-249"),
        ("@3", "2026-11-27-0340-249"),
        ("-", "2026-11-28-1702-249"),
        ("DEPLOY", "2026-11-27-0340-777"),
        ("zebra", "2026-11-27-0340-249"),
        ("import deploy", "2026-11-28-1702-249"),
    ],
)
def test_a_session_is_found(three: Cli, given: str, id: str) -> None:
    assert three.ok("pin", given, "--json").json["id"] == id


@pytest.mark.parametrize(("given", "count"), [("2026-11-27", 2), ("249", 2), ("importer", 2)])
def test_an_ambiguous_text_lists_the_sessions(three: Cli, given: str, count: int) -> None:
    outcome = three.run("show", given)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"segue: {count} sessions match '{given}'")
    assert outcome.err.count("\n") == count + 1


@pytest.mark.parametrize("given", ["@4", "@0", "unknown", "mporter", "nothing like it"])
def test_a_text_that_matches_nothing_is_an_error(three: Cli, given: str) -> None:
    assert three.run("show", given).err == f"segue: no session {given!r}\n"


def test_a_minus_is_the_session_used_before_the_current_one(three: Cli) -> None:
    current = three.id("--name", "mine")
    assert three.ok("current").rows[0][0] == current
    assert three.ok("pin", "-", "--json").json["id"] == "2026-11-28-1702-249"


def test_an_ended_session_is_not_found_by_name(three: Cli) -> None:
    three.ok("end", "zebra")
    assert three.run("show", "zebra").code == 1
    assert three.ok("show", "0340-249").code == 0


def test_the_generated_date_of_a_name_is_no_word_of_it(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    for id, text in (("kept", "sort a dict"), ("other", "sort a dict by value")):
        wire.call("message.append", session_id=id, role="user", content=text, create=True)
    for given in ("1", "sort 2"):
        assert segue.run("delete", given, "--yes").err == f"segue: no session {given!r}\n"
    name = wire.call("session.get", session_id="kept")["name"]
    for given in (name, "Sort a dict"):
        assert segue.ok("pin", given, "--json").json["id"] == "kept"
