"""`segue undo`, `edit`, `delete '#ID'`, `archive` and `tag`."""

import pytest

from tests.process.command_line import Cli, Terminal


@pytest.fixture
def talk(segue: Cli) -> Cli:
    """Store a session with two questions and two replies, the messages 1 to 4."""
    for role, text in (("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2")):
        segue.ok("add", text, "--role", role)
    return segue


def contents(cli: Cli) -> list[str]:
    return [message["content"] for message in cli.ok("show", "--json").json["messages"]]


def test_undo_shows_and_removes_the_last_turn(talk: Cli) -> None:
    shown = talk.ok("undo", "--yes").out
    assert "#3 user" in shown
    assert shown.splitlines()[-1].startswith("removed 2 messages from ")
    assert contents(talk) == ["one", "1"]
    talk.ok("undo", "--yes")
    assert talk.run("undo", "--yes").code == 1


def test_undo_asks_and_removes_nothing_without_a_yes(talk: Cli) -> None:
    assert talk.run("undo").code == 2
    terminal = talk.terminal("undo")
    terminal.read_until("[y/N]")
    terminal.type("n\n")
    assert terminal.finish()[0] == 1
    assert len(contents(talk)) == 4


def test_edit_changes_one_message(talk: Cli) -> None:
    talk.ok("edit", "#1", "corrected")
    talk.ok("edit", "2", "-", stdin=b"from a pipe")
    talk.given(VISUAL="", EDITOR="sed -i s/two/three/").ok("edit", "3")
    assert contents(talk) == ["corrected", "from a pipe", "three", "2"]
    assert talk.run("edit", "4", "2").code == 1
    assert talk.run("edit", "4", " ").code == 1
    assert talk.run("edit", "x", "2").code == 2
    assert talk.run("edit", "99", "2").code == 1


def test_delete_removes_single_messages(talk: Cli) -> None:
    assert talk.run("delete", "#2").code == 2
    talk.ok("delete", "--yes", "#2", "#4")
    assert contents(talk) == ["one", "two"]
    assert talk.run("delete", "--yes", "#2").code == 1
    assert talk.run("delete", "--yes", "#1", "abc").code == 2


def test_an_archived_session_leaves_the_list_and_is_found_by_its_id(talk: Cli) -> None:
    id = talk.ok("current").rows[0][0]
    talk.ok("archive")
    assert talk.ok("list").rows == []
    assert [row[0] for row in talk.ok("list", "--archived").rows] == [id]
    talk.ok("unarchive", id[11:])
    assert [row[0] for row in talk.ok("list").rows] == [id]


def test_tags_are_added_removed_and_listed(talk: Cli) -> None:
    id = talk.ok("current").rows[0][0]
    assert talk.ok("tag", "work", "urgent", "--json").json["tags"] == ["urgent", "work"]
    assert [row[0] for row in talk.ok("list", "--tag", "work", "--tag", "urgent").rows] == [id]
    assert talk.ok("untag", "urgent").out.endswith("has the tags: work\n")
    other = talk.id("--name", "other")
    assert len(talk.ok("tag", id, "@1", "2026", "@work").rows) == 2
    assert talk.ok("untag", id[11:], "2026", "--json").json["tags"] == ["@work", "work"]
    assert [row[0] for row in talk.ok("list", "--tag", "2026").rows] == [other]
    assert talk.run("tag", "@1").code == 2
    assert talk.ok("list", "--tag", "urgent").rows == []


def test_undo_and_retry_leave_the_turn_of_another_terminal(segue: Cli) -> None:
    shell = Terminal(["/bin/sh"], {**segue.environment, "PS1": "ready> "}, segue.directory, 200)
    try:
        shell.type("segue ask --with 'echo here' mine\n")
        shell.read_until("here\r\nready> ")
        assert segue.terminal("ask", "--with", "echo there", "other").finish() == (0, "there\n")
        shell.type("segue ask --retry --with 'echo again'\n")
        shell.read_until("again\r\nready> ")
        assert contents(segue) == ["mine", "other", "there", "again"]
        shell.type("segue undo --yes\n")
        shell.read_until("removed 2 messages")
        assert contents(segue) == ["other", "there"]
    finally:
        shell.hang_up()
    # A new terminal has asked nothing.
    assert segue.terminal("undo", "--yes").finish()[0] == 0
    assert contents(segue) == []
