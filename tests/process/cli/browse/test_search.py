import re
import sqlite3
from contextlib import closing

import pytest

from segue.cli.output.cells import width
from tests.process.command_line import Cli
from tests.support.process import Segued

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def test_a_pipe_gets_tab_separated_values(segue: Cli, segued: Segued) -> None:
    session = segue.id("--name", "Sorting\\now")
    segue.ok("add", "How do I sort\ta dict by value?")
    segue.ok("add", "--role", "assistant", "sorted(d, key=d.get)")
    (row,) = segue.ok("search", "sort", "DICT").rows
    hit = segue.ok("search", "sort dict", "--json").json["hits"][0]
    assert row == ["1", session, "user", hit["created_at"], str(segue.directory), "Sorting\\now",
                   "How do I sort\\x09a dict by value?"]  # fmt: skip
    assert hit["snippet"] == "How do I \ue000sort\ue001\ta \ue000dict\ue001 by value?"
    assert [row[0] for row in segue.ok("search", "sort*").rows] == ["2", "1"]
    assert [row[0] for row in segue.ok("search", '"a dict by"').rows] == ["1"]


def test_a_terminal_gets_colors_and_escaped_controls(segue: Cli) -> None:
    session = segue.id("--name", "plain")
    segue.ok("add", "a \x1b]0;title\x07 zebra\nand \u202e more \ue000 x")
    shown = segue.shown("search", "zebra")
    assert "\x1b[31m\x1b[1mzebra\x1b[0m" in shown
    lines = STYLE.sub("", shown).splitlines()
    assert re.fullmatch(rf"#1 user  {session[11:]}  plain  \d+s ago", lines[0])
    assert lines[1:] == ["  a \\x1b]0;title\\x07 zebra and \\u202e more \ufffd x"]
    assert "\x1b" not in segue.given(NO_COLOR="1").shown("search", "zebra")


@pytest.mark.parametrize("columns", [40, 80])
def test_a_hit_fits_a_terminal_and_its_text_is_wrapped_at_words(segue: Cli, columns: int) -> None:
    segue.ok(
        "add", "Why does the zebra importer of the nightly job return 502 after each deployment to the farm? 排序字典"
    )
    lines = STYLE.sub("", segue.terminal("search", "zebra", columns=columns).finish()[1]).splitlines()
    assert lines[0].startswith("#1 user  ")
    assert all(width(line) <= columns for line in lines)
    assert " ".join(line.strip() for line in lines[1:]).endswith("after each deployment to the farm? 排序字典")


def test_a_search_without_hits_exits_with_status_1(segue: Cli) -> None:
    segue.ok("add", "zebra")
    for arguments in (["nothing"], [""], ["zebra", "--role", "tool"], ["zebra", "--bot", "nobody"]):
        code, out, err = segue.run("search", *arguments)
        assert (code, out) == (1, "")
        assert err.startswith(("segue: nothing found; try", "segue: no message matches, but the name"))
    outcome = segue.run("search", "nothing", "--json")
    assert (outcome.code, outcome.json["hits"], outcome.json["total"]) == (1, [], 0)


def test_a_pipe_has_no_rows_of_sessions_that_have_the_words_in_their_name(segue: Cli) -> None:
    segue.ok("new", "--name", "zebra plan")
    message = "segue: no message matches, but the name or summary of a session does\n"
    assert segue.run("search", "zebra") == (1, "", message)


def test_a_terminal_says_what_else_there_is(segue: Cli) -> None:
    session = segue.id("--name", "zebra plan")
    segue.ok("add", "the importer failed")
    hint = "segue: nothing found; try: "
    assert segue.terminal("search", "qqq").finish() == (
        1,
        f"{hint[:-5]}try fewer words, or `segue grep TEXT` for parts of words\n",
    )
    code, screen = segue.terminal("search", "impor").finish()
    assert (code, screen) == (1, f"{hint}segue search 'impor*'\n")
    code, screen = segue.terminal("search", "zebra").finish()
    assert code == 1
    assert screen.startswith("segue: no message matches, but the name or summary of a session does\n")
    assert session[11:] in screen


def test_messages_with_some_words_are_shown_if_none_has_all(segue: Cli) -> None:
    segue.ok("add", "the zebra importer")
    outcome = segue.run("search", "how", "does", "the", "zebra", "import")
    assert (outcome.code, len(outcome.rows)) == (0, 1)
    assert outcome.err == "segue: no message contains all words; showing messages that contain some of them\n"
    assert segue.run("search", "zebras", "--json").json["hits"][0]["matched"] == ["zebras"]


def test_filters_narrow_the_search(segue: Cli, segued: Segued) -> None:
    here = segue.id()
    segue.ok("add", "zebra one")
    wire = segued.connect()
    wire.call("session.create", id="elsewhere", working_dir="/elsewhere")
    wire.call("message.append", session_id="elsewhere", role="assistant", content="zebra two")

    def found(*options: str) -> list[str]:
        return [row[1] for row in segue.run("search", "zebra", *options).rows]

    assert sorted(found()) == sorted([here, "elsewhere"])
    assert found("--here") == found("--role", "user") == [here]
    assert found("--session", "elsewh") == found("--role", "assistant") == ["elsewhere"]
    assert len(found("-n", "1")) == 1
    assert len(found("--since", "7d")) == len(found("--since", "2026-01-01", "--bot", "default")) == 2
    assert found("--since", "0s") == []
    with closing(sqlite3.connect(segued.database)) as connection, connection:
        connection.execute("UPDATE messages SET created_at = '2020-01-01T00:00:00.000Z'")
    assert len(found()) == 2


def test_more_than_200_hits_are_fetched_in_pages(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    session = wire.call("session.create")["id"]
    messages = [{"role": "user", "content": "zebra"}] * 450
    made = wire.call("message.append_many", session_id=session, messages=messages)["message_ids"]
    rows = segue.ok("search", "zebra", "-n", "430").rows
    assert [int(row[0]) for row in rows] == made[:-431:-1]
    assert len(segue.ok("search", "zebra", "-n", "9999", "--json").out.splitlines()) == 3


@pytest.mark.parametrize("options", [["--since", "someday"], ["--since", "7x"], ["-n", "0"], ["--role", "x"], []])
def test_wrong_usage_exits_with_status_2(unserved: Cli, options: list[str]) -> None:
    assert unserved.run("search", *(["x", *options] if options else [])).code == 2


def test_an_unknown_session_is_reported(segue: Cli) -> None:
    outcome = segue.run("search", "x", "--session", "nobody")
    assert (outcome.code, outcome.out) == (1, "")
    assert "nobody" in outcome.err


def test_the_next_daemon_indexes_the_messages_of_a_killed_one(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    session = wire.call("session.create")["id"]
    messages = [{"role": "user", "content": "zebra"}] * 1000
    for _ in range(3):
        wire.call("message.append_many", session_id=session, messages=messages)
    wire.post("message.search", query="zebra")
    segued.kill()
    segued.start()
    with segued.connect() as wire:
        assert wire.call("message.search", query="zebra")["total"] == 3000
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
