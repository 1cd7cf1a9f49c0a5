"""`segue show`: parts of a conversation, rendered for a terminal and unchanged for a pipe."""

import re

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued

REPLY = "# Title\n\nUse **bold** words:\n\n```python\nprint(1)\n```\n\nor\n\n```\nsecond\n```\n"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def talk(segue: Cli, segued: Segued) -> Cli:
    """Store a session with two questions, a tool call, its result and an interrupted reply."""
    id, wire = segue.id("--name", "talk"), segued.connect()

    def append(role: str, content: str, **more: object) -> None:
        wire.call("message.append", session_id=id, role=role, content=content, **more)

    append("user", "first question")
    append("assistant", REPLY)
    append("user", "second question")
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls -l"}}
    append("assistant", "", parts=[call])
    output = "\n".join(f"file{number}" for number in range(10))
    append("tool", "", parts=[{"type": "tool_result", "tool_use_id": "t1", "content": output}])
    append("assistant", "half a rep", stop_reason="interrupted")
    return segue


def test_a_pipe_gets_contents_unchanged_and_tool_calls_with_arguments(talk: Cli) -> None:
    text = talk.ok("show").out
    assert REPLY in text
    assert "\n→ Bash ls -l\n" in text
    assert "\n← file0\n  file1\n  file2\n  … 7 more lines\n" in text
    assert " [interrupted]\n" in text
    assert "\x1b" not in text


def test_a_terminal_gets_markdown_that_fits(talk: Cli) -> None:
    for columns in (40, 80):
        lines = STYLE.sub("", talk.shown("show", columns=columns)).splitlines()
        assert "Title" in lines
        assert "Use bold words:" in lines
        assert max(len(line) for line in lines if not line.startswith("#")) <= columns


def test_an_edited_message_is_marked(talk: Cli) -> None:
    talk.ok("edit", "1", "changed")
    assert talk.ok("show").out.count(" [edited]\n") == 1


def test_parts_of_a_conversation_are_selected(talk: Cli) -> None:
    assert talk.ok("show", "-n", "1").out.count("\n#") == 1
    last = talk.ok("show", "--last").out
    assert "second question" in last
    assert "first question" not in last
    assert talk.ok("show", "-r").out == "half a rep\n"
    assert talk.ok("show", "talk", "-n", "2", "--json").json["messages"][0]["content"] == "half a rep"


def test_a_code_block_of_the_newest_reply_is_extracted(talk: Cli, segued: Segued) -> None:
    assert talk.run("show", "-x").err.endswith("has 0 code blocks; block 1 does not exist\n")
    talk.ok("add", "--role", "assistant", "-", stdin=REPLY.encode())
    assert talk.ok("show", "-x").out == "print(1)\n"
    assert talk.ok("show", "-x", "2").out == "second\n"
    assert talk.run("show", "-x", "3").code == 1


def test_colors_are_used_as_asked(talk: Cli) -> None:
    assert "\x1b[" in talk.ok("show", "--color=always").out
    assert "\x1b" not in talk.shown("show", "--color=never")


def test_the_pager_gets_the_text(talk: Cli) -> None:
    terminal = talk.terminal("show")
    terminal.finish()
    paged = talk.given(SEGUE_PAGER="sed 's/^/paged: /'").shown("show")
    assert "paged: " in paged
