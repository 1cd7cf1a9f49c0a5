"""Every change that a key makes, as the daemon has it afterwards."""

import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from segue.browse.app import Browse
from segue.browse.views import inputs
from segue.workflows import changes
from tests.socket.browse.conftest import Driver, Opened


async def read(driver: Driver) -> None:
    await driver.press("enter")
    await driver.until(lambda: driver.app.pane == "read" and driver.app.conversation.pages.count == 6)


async def test_a_session_is_pinned_archived_and_taken_back(browse: Opened) -> None:
    async with browse() as driver:
        for key, member in (("p", "pinned"), ("a", "archived")):
            await driver.press(key)
            await driver.until(lambda member=member: driver.session("first")[member])
            if member == "pinned":
                await driver.shows("Pinned")
                await driver.press(key)
                await driver.until(lambda: not driver.session("first")["pinned"])
        await driver.until(lambda: "first" not in driver.listed)  # Archived sessions are not in the list
        assert "pinned: cleanup keeps it" in driver.said


async def test_tags_are_set_and_removed(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("t")
        await driver.shows("Tags, separated by spaces")
        await driver.type("perf #ui")
        await driver.press("enter")
        await driver.shows("#perf #ui")
        assert driver.session("first")["tags"] == ["perf", "ui"]
        await driver.press("t")
        await driver.shows("Tags, separated by spaces")
        await driver.press("ctrl+u", "enter")
        await driver.until(lambda: driver.session("first")["tags"] == [])


async def test_a_session_is_renamed(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("e")
        await driver.shows("Name of the session")
        await driver.press("ctrl+u")
        await driver.type("better name")
        await driver.press("enter")
        await driver.shows("better name")
        await driver.until(lambda: driver.session("first")["name"] == "better name")


async def test_deleting_asks_and_no_is_the_default(browse: Opened) -> None:
    async with browse() as driver:
        for answer in ("n", "enter", "escape"):
            await driver.press("d")
            await driver.shows("Delete this session permanently? [y/N]")
            await driver.press(answer)
            await driver.shows_no("permanently?")
        assert driver.session("first")["message_count"] == 6
        await driver.press("d")
        await driver.shows("first  (6 messages)")
        await driver.press("y")
        await driver.shows("2 sessions")
        assert {one["id"] for one in driver.wire.call("session.list")["sessions"]} & {"first"} == set()


async def test_a_message_is_deleted_and_the_reader_stays(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        await read(driver)
        await driver.press("g", "d")
        await driver.shows("Delete this message permanently?")
        await driver.press("y")
        await driver.until(lambda: driver.app.conversation.pages.count == 5)
        await driver.shows_no("How do I sort a dict?")
        assert len(driver.messages("first")) == 5


async def test_the_last_turn_is_taken_back_after_it_was_shown(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("u")
        await driver.shows("Remove 2 messages permanently?")
        assert "user: And **backwards**?" in driver.screen
        await driver.press("y")
        await driver.until(lambda: "removed 2 messages" in driver.said)
        assert len(driver.messages("first")) == 4
        await driver.shows_no("reverse=True")


async def test_a_session_is_forked_up_to_the_message(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        await read(driver)
        await driver.press("g", "f")
        await driver.until(lambda: driver.app.conversation.pages.count == 1)
        await driver.shows("Sort a dict (fork)")
        forks = driver.wire.call("session.list", parent_id="first")["sessions"]
        assert [fork["message_count"] for fork in forks] == [1]


async def test_a_session_is_resumed_here(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("G", "r")
        await driver.until(lambda: driver.session("second")["working_dir"] == "/p/one")


@contextmanager
def stay(_app: Browse) -> Any:
    yield


def outside(monkeypatch: pytest.MonkeyPatch, done: Callable[[Any], Any]) -> None:
    """Run what needs the terminal without one."""
    monkeypatch.setattr(Browse, "suspend", stay)
    monkeypatch.setattr("segue.browse.actions.edit_text", done)
    monkeypatch.setattr(inputs, "edit_text", done)


async def test_a_message_is_edited_in_the_editor(browse: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    outside(monkeypatch, lambda text: f"{text} (edited)")
    async with browse(size=(100, 44)) as driver:
        await read(driver)
        await driver.press("e")
        await driver.shows("(edited)")
        assert driver.messages("first")[-1]["content"] == "Use `reverse=True`. (edited)"


async def test_other_programs_get_the_terminal(browse: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    class Done:
        returncode = 3

    def run(command: list[str], **_: Any) -> Done:
        commands.append(command)
        return Done()

    outside(monkeypatch, str)
    monkeypatch.setattr("segue.browse.actions.subprocess.run", run)
    async with browse() as driver:
        await driver.press("o")
        await driver.until(lambda: driver.said)
        assert driver.said == ["not imported: i asks in it, h hands it off"]
        await driver.press("h")
        await driver.shows("Hand off to a tool")
        await driver.type("code")
        await driver.press("enter")
        await driver.until(lambda: commands)
        await driver.press("j", "o")
        await driver.until(lambda: len(commands) == 2)
        imported = driver.wire.call("session.list", source="codex")["sessions"][0]["id"]
        assert commands == [["segue", "handoff", "first", "--to", "codex"], ["segue", "open", imported]]
        assert "segue open ended with exit status 3" in driver.said


async def test_the_palette_filters_and_runs(browse: Opened) -> None:
    for key in ("question_mark", "ctrl+p"):
        async with browse() as driver:
            await driver.press(key)
            await driver.shows("segue pin first")
            await driver.type("pin or")
            await driver.press("down", "up", "enter")
            await driver.until(lambda: driver.session("first")["pinned"])
            driver.wire.call("session.update", session_id="first", pinned=False)


async def test_an_error_is_shown_and_nothing_changes(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("t")
        await driver.shows("Tags, separated by spaces")
        await driver.type("x" * 101)
        await driver.press("enter")
        await driver.until(lambda: driver.said)
        assert "100" in driver.said[0]
        assert driver.session("first")["tags"] == []


async def test_keys_are_letters_while_a_line_is_typed(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("slash")
        await driver.press(*"qpadujkTz")
        assert driver.app.query_input.value == "qpadujkTz"
        assert not driver.app._exit
        assert not driver.session("first")["pinned"]


def test_a_change_has_the_command_line_of_the_same_request() -> None:
    assert changes.pin("s", pinned=False).words == ["unpin", "s"]
    assert changes.fork("s", 12, "n").words == ["fork", "s", "--upto", "12", "--name", "n"]
    assert changes.resume("s", None).words == ["resume", "--in-place", "s"]


async def test_tab_does_not_reach_through_an_open_screen(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("question_mark")
        await driver.shows("type to filter")
        await driver.press("tab", "escape")
        await driver.shows_no("type to filter")
        assert driver.app.pane == "list"


REFUSE = """
import sys
sys.stderr.write("Usage: segue ask\\nTry 'segue ask --help' for help.\\n\\nError: no model command\\n")
sys.exit(2)
"""


async def test_a_question_that_is_refused_stays_in_its_line(browse: Opened) -> None:
    async with browse(program=[sys.executable, "-c", REFUSE]) as driver:
        await driver.press("i")
        await driver.shows("Enter ask")
        await driver.type("and now?")
        await driver.press("enter")
        await driver.until(lambda: driver.said)
        assert driver.said == ["no model command"]
        assert driver.app.ask_input.value == "and now?"


async def test_a_message_that_was_deleted_elsewhere_meanwhile_is_reported(browse: Opened) -> None:
    async with browse() as driver:
        await read(driver)
        await driver.press("d")
        await driver.shows("Delete this message permanently?")
        last = driver.messages("first")[-1]["id"]
        driver.wire.call("message.delete", session_id="first", message_ids=[last])
        await driver.press("y")
        await driver.until(lambda: driver.said)
        assert driver.said == [f"message {last} was deleted before"]
