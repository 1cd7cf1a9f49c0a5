import asyncio
import types
from typing import Any

import pytest

from segue.browse.live import Live
from tests.socket.browse.conftest import Driver, Opened
from tests.support.inprocess import Server


async def read(driver: Driver, id: str = "first") -> None:
    await driver.press("enter")
    await driver.until(lambda: driver.app.pane == "read" and driver.app.reader.session_id == id)


async def test_messages_appear_as_they_arrive(browse: Opened) -> None:
    async with browse() as driver:
        await read(driver)
        driver.wire.call("message.append", session_id="first", role="user", content="one more thing")
        await driver.shows("one more thing")
        await driver.shows("7 messages")


async def test_the_readers_place_stays_while_messages_arrive(browse: Opened) -> None:
    async with browse(size=(100, 14)) as driver:
        await read(driver)
        await driver.press("g")
        before = driver.app.conversation.view[:]
        for number in range(30):
            driver.wire.call("message.append", session_id="first", role="assistant", content=f"reply {number}")
        await driver.until(lambda: driver.app.conversation.pages.count == 36)
        await driver.shows("below")
        assert [strip.text for strip in driver.app.conversation.view] == [strip.text for strip in before]


async def test_streamed_text_is_added_where_it_belongs(browse: Opened) -> None:
    async with browse() as driver:
        await read(driver)
        added = driver.wire.call("message.append", session_id="first", role="assistant", content="Once")
        await driver.shows("Once")
        live = Live(driver.app)

        async def delta(offset: int, text: str) -> None:
            data = types.SimpleNamespace(message_id=added["message_id"], offset=offset, text=text)
            event = types.SimpleNamespace(kind="message.delta", data=data, session_id="first")
            await live._handle(event)  # type: ignore[arg-type]

        await delta(4, " upon")
        await delta(9, " a time")
        await driver.shows("Once upon a time")
        await delta(9, " a time")  # Sent twice
        await delta(500, "lost")  # The text before is missing, so the message is read again
        await driver.shows_no("Once upon a time")
        await driver.shows("Once")


async def test_another_client_changes_what_is_shown(browse: Opened) -> None:
    async with browse() as driver:
        await read(driver)
        last = driver.messages("first")[-1]
        driver.wire.call("message.update", message_id=last["id"], content="changed elsewhere")
        await driver.shows("changed elsewhere")
        driver.wire.call("session.update", session_id="first", name="named elsewhere")
        await driver.shows("named elsewhere")
        driver.wire.call("session.create", id="new", name="born elsewhere", working_dir="/p/one", project="/p/one")
        await driver.shows("born elsewhere")
        driver.wire.call("session.delete", session_id="first")
        await driver.shows_no("changed elsewhere")
        assert driver.app.pane == "list"


async def test_a_restart_is_waited_for_and_nothing_is_shown_twice(browse: Opened, server: Server) -> None:
    async with browse() as driver:
        await read(driver)
        await asyncio.to_thread(server.stop)
        await driver.shows("segued is away since")
        assert "reverse=True" in driver.screen  # What is loaded stays
        await driver.press("p")
        await driver.until(lambda: driver.said)
        await asyncio.to_thread(server.start)
        driver.wire = server.connect()
        driver.wire.call("message.append", session_id="first", role="user", content="after the restart")
        await driver.shows_no("segued is away since")
        await driver.shows("after the restart")
        assert driver.app.conversation.pages.count == 7
        assert driver.screen.count("after the restart") == 1


@pytest.mark.parametrize("count", [650])
async def test_a_long_session_is_read_in_pages(browse: Opened, count: int) -> None:
    async with browse(size=(100, 20)) as driver:
        messages = [{"role": "user", "content": f"message number {number}"} for number in range(count)]
        driver.wire.call("message.append_many", session_id="second", messages=messages)
        await driver.press("G")
        await read(driver, "second")
        await driver.shows(f"message number {count - 1}")
        await driver.press("g")
        await driver.shows("message number 0")
        for fraction, number in ((0.5, count // 2), (0.25, count // 4)):
            driver.app.conversation.jump(fraction)
            await driver.until(lambda: "  ·" not in driver.screen)
            shown = [at for _, at, _ in driver.app.conversation.rows]
            assert abs(shown[0] - number) < 12
            for at in set(shown):
                found = driver.app.conversation.pages[at]
                assert found is not None
                assert found.content in ("Refactor the retry logic", f"message number {at - 1}")


async def test_a_reset_that_comes_while_the_daemon_is_away_is_not_lost(browse: Opened) -> None:
    async with browse() as driver:
        await read(driver)
        link, live = driver.app.link, Live(driver.app)
        driver.app.reader.appended = lambda _: None  # As if the event had not come
        link.away = "the daemon closed the connection"
        link._back.clear()
        driver.wire.call("message.append", session_id="first", role="user", content="while it was away")
        reset: Any = types.SimpleNamespace(kind="reset", data=None, session_id=None)
        handling = asyncio.create_task(live._handle(reset))
        await driver.pilot.pause()
        assert not handling.done()
        link.away = ""
        link._back.set()
        await handling
        await driver.shows("while it was away")


async def test_deleted_messages_are_no_longer_counted_in_the_list(browse: Opened) -> None:
    async with browse(size=(120, 30)) as driver:
        newest = driver.messages("first")[-1]["id"]
        driver.wire.call("message.delete", session_id="first", message_ids=[newest])
        driver.wire.call("message.append", session_id="first", role="user", content="another")
        await driver.shows("another")
        await driver.until(lambda: driver.app.lister.entry("first").message_count == 6)
        assert len(driver.messages("first")) == 6


async def test_the_details_count_the_messages_that_arrive(browse: Opened) -> None:
    async with browse(size=(130, 30)) as driver:
        await driver.shows("messages  6")
        driver.wire.call("message.append", session_id="first", role="user", content="one more", token_count=120_000)
        await driver.shows("messages  7")
