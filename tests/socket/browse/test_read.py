from typing import Any

import pytest

from segue.browse import actions
from segue.browse.keys import READ
from tests.socket.browse.conftest import CODE, Opened


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what is copied, instead of changing the clipboard of the machine that runs the tests."""
    texts: list[str] = []

    def take(text: str, _by_terminal: Any) -> str:
        texts.append(text)
        return "the test"

    monkeypatch.setattr(actions, "copy", take)
    return texts


async def test_the_conversation_shows_markdown_calls_and_headings(browse: Opened) -> None:
    async with browse(size=(120, 44)) as driver:
        await driver.press("enter")
        await driver.shows("opus-4  ")
        await driver.shows("674 tok  1.6 s")
        assert "▸ Bash  pytest -q  ✓ 412 passed" in driver.screen
        assert "▎ And **backwards**?" in driver.screen  # A person's text stays as typed
        assert "▌ Use reverse=True." in driver.screen
        assert "print(sorted([3, 1]))" in driver.screen
        assert "```" not in driver.screen


async def test_keys_move_through_messages(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        await driver.press("enter")
        await driver.until(lambda: driver.app.pane == READ and driver.app.conversation.pages.count == 6)
        conversation = driver.app.conversation
        assert conversation.cursor == 5
        for key, at in (
            *(("k", 4), ("k", 3), ("k", 1), ("k", 0), ("j", 1), ("j", 3)),
            *(("g", 0), ("G", 5), ("home", 0), ("end", 5)),
        ):
            await driver.press(key)
            assert conversation.cursor == at, (key, at)
        await driver.press("left_square_bracket")
        await driver.until(lambda: conversation.cursor == 4)
        await driver.press("left_square_bracket")
        await driver.until(lambda: conversation.cursor == 0)
        await driver.press("right_square_bracket")
        await driver.until(lambda: conversation.cursor == 4)


async def test_lines_and_pages_scroll_a_small_window(browse: Opened) -> None:
    async with browse(size=(100, 14)) as driver:
        await driver.press("enter")
        conversation = driver.app.conversation
        await driver.until(lambda: driver.app.pane == READ and conversation.follow and conversation.rows)
        await driver.press("g", "pagedown", "pagedown", "pagedown", "G")  # All heights are exact then
        end = conversation.extent()[0]
        for key, change in (("up", -1), ("down", 1), ("ctrl+u", -4), ("ctrl+d", 4), ("pageup", -8), ("pagedown", 8)):
            before = conversation.extent()[0]
            await driver.press(key)
            assert conversation.extent()[0] - before == change, key
        assert conversation.extent()[0] == end
        assert conversation.follow


async def test_a_call_is_unfolded_with_its_arguments_and_result(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        await driver.press("enter", "g", "j", "space")
        await driver.shows("▾ Bash")
        await driver.shows("in 8.31 s")
        await driver.press("space")
        await driver.shows_no("in 8.31 s")
        await driver.press("Z")
        await driver.shows("in 8.31 s")
        await driver.press("Z")
        await driver.shows_no("in 8.31 s")


async def test_messages_and_code_blocks_are_copied(browse: Opened, copied: list[str]) -> None:
    async with browse(size=(100, 44)) as driver:
        await driver.press("y", "Y", "enter")
        await driver.until(lambda: driver.app.pane == READ)
        await driver.press("y")
        await driver.until(lambda: len(copied) == 3)
        assert copied == ["first", "segue resume first", "Use `reverse=True`."]
        copied.clear()
        await driver.press("g", "j", "j", "right_curly_bracket", "c")
        await driver.press("right_curly_bracket", "c", "left_curly_bracket", "c", "y", "Y")
        await driver.until(lambda: len(copied) == 5)
        ids = [message["id"] for message in driver.messages("first")]
        assert copied == ["print(sorted([3, 1]))\n", "ls -l\n", "print(sorted([3, 1]))\n", CODE, f"#{ids[3]}"]
        assert "copied the code block to the test" in driver.said


async def test_marked_lines_are_copied_and_remembered(browse: Opened, copied: list[str]) -> None:
    async with browse(size=(100, 44)) as driver:
        await driver.press("enter", "g", "v", "j", "down")
        await driver.shows("m remember")
        await driver.press("y")
        await driver.until(lambda: copied)
        assert copied[0].splitlines()[-1] == "How do I sort a dict?"
        assert driver.app.conversation.mark is None
        await driver.press("G", "v", "down", "down", "m")
        await driver.shows("Remember")
        await driver.press("enter")
        await driver.until(lambda: "remembered" in driver.said)
        [memory] = driver.wire.call("memory.list")["memories"]
        assert "Use reverse=True." in memory["fact"]
        assert (memory["session_id"], memory["is_manual"]) == ("first", True)


async def test_a_long_message_opens_in_the_pager(browse: Opened) -> None:
    async with browse(size=(100, 30)) as driver:
        text = "\n".join(f"line {number} of many" for number in range(5000))
        driver.wire.call("message.append", session_id="first", role="assistant", content=text)
        await driver.press("enter")
        await driver.shows("characters more: Enter shows all")
        await driver.press("enter")
        await driver.shows("line 3 of many")
        await driver.press("G")
        await driver.shows("line 4999 of many")
        await driver.press("g", "pagedown", "j", "k", "pageup", "q")
        await driver.shows("characters more")


async def test_code_is_wrapped_or_cut(browse: Opened) -> None:
    async with browse(size=(100, 30)) as driver:
        driver.wire.call("message.append", session_id="first", role="assistant", content=f"```\n{'x' * 200}END\n```")
        await driver.press("enter")
        await driver.shows("xEND")
        assert "↪" in driver.screen
        await driver.press("w")
        await driver.shows_no("xEND")


async def test_marks_of_messages_are_words(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        call = driver.wire.call
        call("message.append", session_id="second", role="assistant", content="part", stop_reason="interrupted")
        call("message.append", session_id="second", role="user", content="remind", metadata={"injected": True})
        call("message.append", session_id="second", role="system", content="all above", is_summary=True)
        added = call("message.append", session_id="second", role="assistant", content="old", parts=[{"type": "image"}])
        call("message.update", message_id=added["message_id"], content="new")
        await driver.press("G", "enter")
        for text in ("interrupted", "▸ reminder (1 word)", "── summary", "edited", "[image]", "new"):
            await driver.shows(text)
