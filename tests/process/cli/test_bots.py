"""Bots, memories and forks at the command line."""

from tests.process.command_line import Cli


def test_bots_are_made_listed_and_deleted_with_what_they_own(segue: Cli) -> None:
    assert segue.ok("bot", "new", "tutor", "--name", "Tutor", "--description", "patient").out == "tutor\n"
    assert segue.ok("bot", "list").rows == [["default", "default", ""], ["tutor", "Tutor", "patient"]]
    assert [bot["id"] for bot in segue.ok("bot", "list", "--json").json["bots"]] == ["default", "tutor"]
    session = segue.id("--bot", "tutor")
    segue.ok("memory", "add", "likes examples", "--bot", "tutor")
    assert segue.run("bot", "delete", "tutor").code == 2, "nobody could be asked"
    assert segue.ok("bot", "delete", "tutor", "--yes").out == "deleted tutor with 1 sessions and 1 memories\n"
    assert segue.run("show", session).code == 1
    assert (segue.run("bot", "delete", "tutor", "--yes").code, segue.run("bot", "delete", "default", "-y").code) == (
        1,
        1,
    )
    assert segue.run("bot", "new", "a b").code == 1


def test_a_person_is_asked_before_a_bot_is_deleted(segue: Cli) -> None:
    segue.ok("bot", "new", "tutor")
    for answer, left in (("n\n", 2), ("y\n", 1)):
        terminal = segue.terminal("bot", "delete", "tutor")
        terminal.read_until("[y/N]")
        terminal.type(answer)
        terminal.finish()
        assert len(segue.ok("bot", "list").rows) == left


def test_memories_are_added_by_hand_superseded_listed_and_deleted(segue: Cli) -> None:
    assert segue.ok("memory", "add", "tabs", "--category", "preference", "--importance", "2").out == "1\n"
    assert segue.ok("memory", "add", "-", "--supersedes", "1", stdin="spaces, naïvely".encode()).out == "2\n"
    assert segue.ok("memory", "list").rows == [["2", "fact", "3", "spaces, naïvely"]]
    assert segue.ok("memory", "list", "--superseded").rows[1] == ["1", "preference", "2", "tabs", "superseded by 2"]
    assert [memory["is_manual"] for memory in segue.ok("memory", "list", "--json").json["memories"]] == [True]
    assert segue.ok("memory", "list", "naively").rows == segue.ok("memory", "list").rows
    assert "no memory matches" in segue.shown("memory", "list", "tabs")
    assert segue.ok("memory", "delete", "2").out == "deleted 2\n"
    assert segue.ok("memory", "list").rows == [["1", "preference", "2", "tabs"]]
    assert (segue.run("memory", "delete", "2").code, segue.run("memory", "add", "x", "--importance", "6").code) == (
        1,
        2,
    )


def test_a_fork_is_what_the_directory_continues_and_the_original_stays(segue: Cli) -> None:
    first = segue.ok("add", "one").rows[0]
    segue.ok("add", "two")
    made = segue.ok("fork", "--upto", first[0], "--name", "another way").out.strip()
    assert segue.ok("current").rows[0][0] == made
    assert [message["content"] for message in segue.ok("show", "--json").json["messages"]] == ["one"]
    assert [message["content"] for message in segue.ok("show", first[1], "--json").json["messages"]] == ["one", "two"]
    assert (segue.run("fork", "nope").code, segue.run("fork", "--upto", "999").code) == (1, 1)


def test_show_marks_summaries_and_tool_messages(segue: Cli) -> None:
    segue.ok("add", "what was before", "--role", "system", "--summary")
    segue.ok("add", "42", "--role", "tool")
    titles = [line.split()[1:] for line in segue.ok("show").out.splitlines() if line.startswith("#")]
    assert [(title[0], title[-1] == "[summary]") for title in titles] == [("system", True), ("tool", False)]
