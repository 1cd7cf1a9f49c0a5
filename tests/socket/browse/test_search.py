import asyncio
import re
from typing import Any

import pytest

from segue.browse.keys import LIST
from segue.browse.views.row_drawing import HitRow, SessionRow
from tests.socket.browse.conftest import Driver, Opened


def hits(driver: Driver) -> list[int]:
    return [row.hit.message_id for row in driver.app.rows_pane.rows if isinstance(row, HitRow)]


async def search(driver: Driver, text: str) -> None:
    await driver.press("slash")
    await driver.until(lambda: driver.app.focused is driver.app.query_input)
    await driver.type(text)
    found = driver.app.lister.search
    await driver.until(lambda: found.query.endswith(text) and found.is_answered)


async def test_names_and_messages_are_found_apart_while_typing(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("slash", *"retr")
        await driver.shows("Names")
        await driver.until(lambda: hits(driver))
        names = [row.entry.id for row in driver.app.rows_pane.rows if isinstance(row, SessionRow)]
        assert names == ["second"]
        assert len(hits(driver)) == 1
        await driver.press("escape")
        await driver.shows("one ─")


async def test_a_hit_opens_at_its_message_with_the_words_marked(browse: Opened) -> None:
    async with browse(size=(120, 20)) as driver:
        await search(driver, "sort dict")
        await driver.until(lambda: hits(driver))
        await driver.press("down", "enter")
        await driver.until(lambda: driver.app.conversation.cursor == 0 and driver.app.pane == "read")
        strips = driver.app.conversation.view
        marked = [segment.text for strip in strips for segment in strip if segment.style and segment.style.bold]
        assert {"sort", "dict"} <= set(marked)


async def test_n_goes_from_match_to_match(browse: Opened) -> None:
    async with browse() as driver:
        for number in range(60):
            driver.wire.call("message.append", session_id="second", role="user", content=f"needle {number}")
        await search(driver, "needle")
        await driver.until(lambda: len(hits(driver)) == 50)
        await driver.press("escape", "n")
        await driver.until(lambda: "no search: / starts one" in driver.said)
        driver.app.matched = None
        await search(driver, "needle")
        await driver.press("enter")
        await driver.until(lambda: driver.app.matched is not None)
        order = hits(driver)
        for key, at in (("n", 1), ("n", 2), ("N", 1)):
            await driver.press(key)
            await driver.until(lambda at=at: driver.app.matched == order[at])
        driver.app.matched = order[-1]
        await driver.press("n")
        await driver.until(lambda: len(hits(driver)) == 60)
        await driver.until(lambda: driver.app.matched == hits(driver)[50])


async def test_modes_search_for_parts_and_expressions(browse: Opened) -> None:
    async with browse() as driver:
        await search(driver, "factor")
        await driver.shows("No message holds all words.")
        await driver.press("ctrl+t")
        await driver.shows(" substring ")
        await driver.until(lambda: len(hits(driver)) == 1)
        await driver.press("ctrl+t", "ctrl+u")
        await driver.type("l[ou]gic$")
        await driver.shows(" regex ")
        await driver.until(lambda: len(hits(driver)) == 1)
        await driver.press("ctrl+u")
        await driver.type("(")
        await driver.shows("not a regular")
        await driver.shows("unterminated")


async def test_filters_narrow_the_list_and_the_search(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("ctrl+f")
        await driver.shows("Filter by")
        await driver.type("tool")
        await driver.press("enter")
        await driver.shows("Filter by tool")
        await driver.type("codex")
        await driver.press("enter")
        await driver.shows("tool: codex")
        await driver.shows_no("Retry logic")
        await search(driver, "hello")
        await driver.until(lambda: len(hits(driver)) == 1)
        await driver.press("ctrl+f")
        await driver.shows("remove all filters")
        await driver.type("remove")
        await driver.press("enter")
        await driver.shows_no("tool: codex")


@pytest.mark.parametrize("columns", [40, 100])
async def test_the_filter_by_project_has_short_names_and_counts(browse: Opened, columns: int) -> None:
    place = f"/home/ada/{'deep/' * 20}webshop"
    async with browse(size=(columns, 30)) as driver:
        driver.wire.call("session.create", id="far", working_dir=place, project=place)
        await driver.until(lambda: "far" in driver.app.lister.sessions.entries)
        await driver.press("ctrl+f")
        await driver.shows("Filter by")
        await driver.press("enter")
        await driver.until(lambda: re.search(r"webshop +1 ", driver.screen))
        assert place not in driver.screen
        await driver.type("webshop")
        await driver.press("enter")
        await driver.until(lambda: driver.app.lister.sessions.filters.project == place)


async def test_filters_by_time_role_project_and_archived_are_sent(browse: Opened) -> None:
    async with browse() as driver:
        for name, value in (("time", "year"), ("role", "user"), ("project", "/p/two")):
            await driver.press("ctrl+f")
            await driver.shows("Filter by")
            await driver.type(name)
            await driver.press("enter")
            await driver.shows(f"Filter by {'since' if name == 'time' else name}")
            await driver.type(value)
            await driver.press("enter")
            await driver.shows_no("Filter by")
        filters = driver.app.lister.sessions.filters
        assert (filters.role, filters.project) == ("user", "/p/two")
        await search(driver, "retry")
        await driver.until(lambda: len(hits(driver)) == 1)
        await driver.press("escape", "ctrl+f")
        await driver.type("archived")
        await driver.press("enter")
        await driver.shows("No session matches.")


async def test_a_suggestion_is_searched_for(browse: Opened) -> None:
    async with browse() as driver:
        await search(driver, "refactor zebra ")
        await driver.shows("Try: ")
        await driver.press("down", "enter")
        await driver.until(lambda: len(hits(driver)) == 1)


async def test_enter_opens_nothing_where_nothing_was_found(browse: Opened) -> None:
    async with browse(size=(60, 24)) as driver:
        await search(driver, "nowhere")
        await driver.shows("No message holds all words.")
        await driver.press("enter")
        await driver.until(lambda: driver.app.focused is driver.app.rows_pane)
        await driver.press("enter")
        await driver.pilot.pause()
        assert driver.app.pane == LIST


async def test_an_answer_that_comes_late_is_dropped(browse: Opened) -> None:
    async with browse() as driver:
        lister = driver.app.lister
        old = lister.search.begin("retry")
        lister.search.begin("dict")
        page = driver.wire.call("message.search", query="retry")
        from msgspec import convert

        from segue.results import SearchPage

        assert not lister.search.add(convert(page, SearchPage), old, more=False)
        assert lister.search.hits == []


async def test_the_cursor_stays_on_what_was_found_when_the_search_ends(browse: Opened) -> None:
    async with browse() as driver:
        await search(driver, "codex")
        await driver.until(lambda: driver.app.reader.session is not None and driver.app.matched is not None)
        found = driver.app.reader.session_id
        assert driver.app.actions.session_id == found != "first"
        await driver.press("escape")
        await driver.shows("one \u2500")
        assert driver.app.actions.session_id == found


async def test_few_names_are_shown_before_the_messages_until_all_are_wanted(browse: Opened) -> None:
    async with browse() as driver:
        for number in range(8):
            driver.wire.call("session.create", id=f"n{number}", working_dir="/p/one", name=f"needle {number}")
        driver.wire.call("message.append", session_id="second", role="user", content="a needle")
        await driver.until(lambda: len(driver.app.lister.sessions.entries) == 11)
        await search(driver, "needle")
        await driver.until(lambda: hits(driver))
        assert len(driver.listed) == 5
        assert "Names" in driver.screen
        await driver.shows("3 more names")
        await driver.press("down", "down", "down", "down", "down", "enter")
        await driver.until(lambda: len(driver.listed) == 8)
        assert driver.app.actions.session_id == driver.listed[5]


async def test_while_a_search_runs_names_are_shown_and_of_the_next_queries_the_last_is_sent(browse: Opened) -> None:
    async with browse() as driver:
        link, sent, gate = driver.app.link, [], asyncio.Event()
        search = link.search

        async def held(kind: Any, params: dict[str, Any]) -> Any:
            sent.append(params["query"])
            await gate.wait()
            return await search(kind, params)

        setattr(link, "search", held)  # noqa: B010 - a type checker rejects the assignment
        await driver.press("slash", "r")
        await driver.until(lambda: sent)
        await driver.shows("searching")
        await driver.press("e", "t", "r")
        await driver.until(lambda: driver.app.lister.search.query == "retr")
        await driver.until(lambda: driver.listed == ["second"])
        gate.set()
        await driver.until(lambda: len(hits(driver)) == 1)
        assert sent == ["r", "retr*"]


@pytest.mark.parametrize("columns", [40, 60, 100])
async def test_a_search_from_the_conversation_shows_what_it_finds_while_typing(browse: Opened, columns: int) -> None:
    async with browse(size=(columns, 30)) as driver:
        await driver.press("enter")
        await driver.until(lambda: driver.app.pane == "read")
        await search(driver, "retry")
        await driver.shows("Messages")
        await driver.press("escape")
        await driver.shows("? keys")
        assert driver.app.pane == LIST
