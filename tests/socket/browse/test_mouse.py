"""The mouse, and texts that are meant to do harm."""

import pytest

from segue.browse.views.row_drawing import SessionRow
from segue.escapes import UNSAFE
from tests.socket.browse.conftest import Driver, Opened

pytestmark = pytest.mark.long


def current(driver: Driver) -> str:
    row = driver.app.rows_pane.current
    assert isinstance(row, SessionRow)
    return row.entry.id


async def test_a_click_moves_the_cursor_and_a_second_one_opens(browse: Opened) -> None:
    async with browse() as driver:
        await driver.pilot.click("#list", offset=(5, 6))  # Two headings and two sessions are above
        await driver.until(lambda: current(driver) == "second")
        assert driver.app.pane == "list"
        await driver.pilot.click("#list", offset=(5, 6))
        await driver.until(lambda: driver.app.pane == "read" and driver.app.reader.session_id == "second")


async def test_a_click_in_the_conversation_unfolds_a_call(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        await driver.press("enter", "g")
        lines = driver.app.conversation.view
        y = next(at for at, strip in enumerate(lines) if "Bash" in strip.text)
        await driver.pilot.click("#conversation", offset=(8, y))
        assert driver.app.conversation.cursor == 1
        await driver.pilot.click("#conversation", offset=(8, y))
        await driver.shows("in 8.31 s")


async def test_dragging_marks_lines(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        await driver.press("enter", "g")
        y = next(at for at, strip in enumerate(driver.app.conversation.view) if "How do I sort" in strip.text)
        await driver.pilot.mouse_down("#conversation", offset=(4, y))
        driver.app.conversation.press(y, dragged=True)  # The pilot cannot move the pointer with its button pressed
        await driver.pilot.mouse_up("#conversation", offset=(9, y))
        assert driver.app.conversation.marked_text() == "How do I sort a dict?"
        await driver.shows("m remember")


async def test_a_click_on_the_chips_chooses_a_filter(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("slash", "x")
        await driver.shows("words")
        await driver.pilot.click("#chips", offset=(12, 0))
        await driver.shows("Filter by")


async def test_hostile_sessions_are_shown_and_drive_nothing(browse: Opened) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m \u202egpj.exe\u2066 \ue000x\ue001 " + "wide日本" * 3000
    async with browse(size=(160, 40)) as driver:
        place = {"working_dir": "/p/one", "project": "/p/one"}
        driver.wire.call("session.create", id="evil", name="日本語 שלום 👩‍👩‍👧‍👦" * 6, **place)
        driver.wire.call("message.append", session_id="evil", role="user", content=evil)
        driver.wire.call("message.append", session_id="evil", role="assistant", content="word " * 1_600_000 + "END")
        driver.wire.call("message.append", session_id="evil", role="assistant", content=f"```\n{'x' * 10_000}\n```")
        driver.wire.call("message.append", session_id="evil", role="user", content="שלום עולם\u200f! مرحبا")
        await driver.until(lambda: "evil" in driver.listed)
        driver.app.lister.refresh(select=("session", "evil"))
        await driver.press("enter")
        await driver.shows("שלום עולם! مرحبا")
        for key in ("k", "k", "k", "g", "G", "k", "k"):
            await driver.press(key)
            assert not set(map(ord, driver.screen.replace("\n", ""))) & {*UNSAFE, 0xE000, 0xE001, 0x202E, 0x2066}
        await driver.press("enter")
        await driver.shows("PgDn PgUp page")
        await driver.press("G")
        await driver.shows("END")
