import signal
from pathlib import Path

import pytest

from segue.browse import appearance
from segue.browse.keys import LIST, READ
from segue.browse.views.row_drawing import Heading, SessionRow
from segue.browse.views.rows import Rows
from segue.browse.views.theme import ASCII
from tests.socket.browse.conftest import Driver, Opened


def current(driver: Driver) -> str:
    row = driver.app.rows_pane.current
    assert isinstance(row, SessionRow)
    return row.entry.id


async def test_sessions_stand_under_their_projects_the_one_of_this_directory_first(browse: Opened) -> None:
    async with browse() as driver:
        await driver.until(lambda: driver.app.lister.current_id == "first")
        headings = [row.title for row in driver.app.rows_pane.rows if isinstance(row, Heading)]
        assert headings == ["one", "two"]
        await driver.until(lambda: current(driver) == "first")
        await driver.shows("And **backwards**?")
        assert "3 sessions" in driver.screen


async def test_keys_move_the_cursor_of_the_list(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("G")
        assert current(driver) == "second"
        await driver.press("g")
        assert current(driver) == "first"
        for key, id in {"j": "01", "k": "first", "down": "01", "up": "first", "pagedown": "second"}.items():
            await driver.press(key)
            assert current(driver) == id or id == "01"
        for key, id in {
            "pageup": "first",
            "ctrl+d": "second",
            "ctrl+u": "first",
            "end": "second",
            "home": "first",
        }.items():
            await driver.press(key)
            assert current(driver) == id, key


async def test_the_conversation_follows_the_cursor_when_it_rests(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("G")
        await driver.shows("Refactor the retry logic")
        await driver.until(lambda: driver.app.reader.session_id == "second")
        assert driver.app.pane == LIST


async def test_a_group_is_folded_and_unfolded(browse: Opened) -> None:
    async with browse() as driver:
        await driver.press("G", "space")
        row = driver.app.rows_pane.current
        assert isinstance(row, Heading)
        assert row.folded
        assert [row.entry.id for row in driver.app.rows_pane.rows if isinstance(row, SessionRow)] == ["first"]
        await driver.press("space")
        assert len([row for row in driver.app.rows_pane.rows if isinstance(row, SessionRow)]) == 3


async def test_keys_change_how_the_list_looks(browse: Opened) -> None:
    async with browse() as driver:
        await driver.shows("opus-4  6 messages")
        before = driver.app.rows_pane.outer_size.width
        await driver.press("plus")
        await driver.until(lambda: driver.app.rows_pane.outer_size.width == before + 4)
        await driver.press("minus", "minus")
        await driver.until(lambda: driver.app.rows_pane.outer_size.width == before - 4)
        await driver.press("z")
        assert driver.app.rows_pane.dense
        await driver.press("comma", "comma")
        names = [row.entry.title for row in driver.app.rows_pane.rows if isinstance(row, SessionRow)]
        assert names == ["Imported talk", "Retry logic", "Sort a dict"]
        await driver.press("T")
        assert driver.app.palette.name == "light"
        await driver.press("T", "T", "ctrl+l")
        assert driver.app.palette.name == "dark"


async def test_panes_change_by_tab_and_by_arrows(browse: Opened) -> None:
    async with browse() as driver:
        for key, pane in (("tab", READ), ("shift+tab", LIST), ("right", READ), ("left", LIST), ("enter", READ)):
            await driver.press(key)
            await driver.until(lambda pane=pane: driver.app.pane == pane)
            focused = driver.app.conversation if pane == READ else driver.app.rows_pane
            await driver.until(lambda focused=focused: driver.app.focused is focused)
        await driver.press("escape")
        assert driver.app.pane == LIST


async def test_the_first_layout_has_the_panes_of_the_terminal(browse: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    settle = Rows.settle

    def noted(rows: Rows) -> None:
        seen.append(rows.outer_size.width)
        settle(rows)

    monkeypatch.setattr(Rows, "settle", noted)
    async with browse(size=(100, 30)):
        assert {*seen} - {0} == {34}


@pytest.mark.parametrize(("columns", "visible"), [(60, 1), (100, 2), (160, 3)])
async def test_a_narrow_terminal_has_fewer_panes(browse: Opened, columns: int, visible: int) -> None:
    async with browse(size=(columns, 30)) as driver:
        app = driver.app
        panes = (app.rows_pane, app.conversation, app.details)
        assert sum(pane.size.width > 0 for pane in panes) == visible
        await driver.press("enter")
        await driver.until(lambda: app.conversation.size.width > 0)
        await driver.shows("reverse=True")
        if columns == 60:
            assert not app.rows_pane.size.width
            await driver.press("escape")
            await driver.until(lambda: app.rows_pane.size.width > 0)


async def test_the_details_are_shown_over_the_conversation_where_there_is_no_room(browse: Opened) -> None:
    async with browse(size=(90, 30)) as driver:
        await driver.press("enter", "D")
        await driver.shows("state     active")
        await driver.press("D")
        await driver.shows_no("state     active")


async def test_the_details_have_forks_tags_and_memories(browse: Opened) -> None:
    async with browse(size=(160, 40)) as driver:
        driver.wire.call("session.fork", session_id="first")
        driver.wire.call("session.update", session_id="first", tags=["perf"], pinned=True)
        driver.wire.call("memory.save", fact="Prefers spaces", category="fact", importance=5, session_id="first")
        await driver.press("g", "enter")
        for text in ("active, pinned", "Sort a dict (fork)", "└ ", "this session", "#perf"):
            await driver.shows(text)


async def test_ascii_is_all_that_is_drawn_where_nothing_else_can_be(browse: Opened) -> None:
    async with browse(size=(140, 44), signs=ASCII) as driver:
        driver.wire.call("session.fork", session_id="first")
        await driver.shows("`- Sort a dict (fork)")
        keys = (
            "enter",
            "Z",
            "escape",
            "question_mark",
            "escape",
            "d",
            "n",
            "ctrl+f",
            "escape",
            "slash",
            *"sort",
            "escape",
            "i",
        )
        for key in keys:
            await driver.press(key)
            assert driver.screen.isascii(), driver.screen


async def test_a_tiny_terminal_says_so(browse: Opened) -> None:
    async with browse(size=(30, 8)) as driver:
        await driver.shows("make the window larger")


async def test_the_first_run_says_what_to_do(browse: Opened) -> None:
    async with browse() as driver:
        for session in driver.wire.call("session.list")["sessions"]:
            driver.wire.call("session.delete", session_id=session["id"])
        await driver.shows("Nothing here yet.")
        await driver.press("p", "y", "enter", "d", "r", "f", "o", "h", "u", "a", "t", "e", "i", "ctrl+r", "n", "space")
        assert "Nothing here yet." in driver.screen


async def test_quitting_ends_the_program(browse: Opened) -> None:
    for key in ("q", "ctrl+c"):
        async with browse() as driver:
            await driver.press(key)
            await driver.until(lambda: driver.app._exit)


async def test_statistics_are_shown_by_each_group(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        await driver.press("s")
        await driver.shows("tokens in")
        assert "less · ░ ▒ ▓ █ more" in driver.screen
        texts = {"week": "2026-W", "month": "2026-", "model": "opus-4", "tool": "codex", "project": "/p/one"}
        for group, text in texts.items():
            await driver.press("tab")
            await driver.until(lambda group=group: driver.app.screen.page.group == group)
            await driver.shows(text)
        await driver.press("j", "k", "pagedown", "pageup", "G", "g", "left")
        await driver.shows("codex")
        await driver.press("escape")
        await driver.shows("3 sessions")


async def test_statistics_count_what_the_filters_accept(browse: Opened) -> None:
    async with browse(size=(100, 44)) as driver:
        driver.app.lister.sessions.filters.tool = "codex"
        await driver.press("s")
        await driver.shows("total")
        assert driver.app.screen.page.stats.total.messages == 1
        driver.app.lister.sessions.filters.tool = "opencode"
        await driver.press("right")
        await driver.shows("No message matches.")
        await driver.press("q")
        await driver.shows("3 sessions")


async def test_the_looks_are_kept_for_the_next_run(
    browse: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appearance, "path_of", lambda: tmp_path / "state" / "browse.json")
    async with browse(keeps_looks=True) as driver:
        await driver.press("T", "z", "comma", "plus", "w")
        await driver.press("enter", "w")
        await driver.until(lambda: not appearance.load().wrap)
    looks = appearance.load()
    assert looks == appearance.Looks(theme="light", dense=True, order="time", list_cells=38, wrap=False)
    async with browse(looks=looks) as driver:
        app = driver.app
        await driver.until(lambda: app.rows_pane.outer_size.width == 38)
        assert (app.rows_pane.dense, app.lister.sessions.order, app.conversation.wrap_code) == (True, "time", False)
    async with browse(looks=looks, size=(60, 20)) as driver:  # One pane has the whole width
        await driver.until(lambda: driver.app.rows_pane.outer_size.width == 60)
    (tmp_path / "state" / "browse.json").write_text("[")
    assert appearance.load() == appearance.Looks()


async def test_esc_closes_the_details_before_it_leaves_the_conversation(browse: Opened) -> None:
    async with browse(size=(60, 24)) as driver:
        await driver.press("enter", "D")
        await driver.shows("directory")
        await driver.shows("Esc close")
        await driver.press("escape")
        await driver.shows_no("directory")
        assert driver.app.pane == "read"
        await driver.press("escape")
        await driver.until(lambda: driver.app.pane == "list")


@pytest.mark.parametrize("columns", [40, 80, 120])
async def test_the_palette_shows_the_whole_command_of_the_chosen_key(browse: Opened, columns: int) -> None:
    async with browse(size=(columns, 24)) as driver:
        await driver.press("question_mark")
        await driver.shows("Esc close")
        await driver.shows("segue show first")  # Below a label that a narrow screen wraps
        await driver.type("repeat the last")
        await driver.shows("segue ask --retry --session first")
        await driver.press("escape")
        await driver.shows("? keys")
        await driver.press("t")
        await driver.shows("Enter save")


@pytest.mark.parametrize("columns", [40, 80])
async def test_the_way_out_of_the_statistics_is_shown_at_each_width(browse: Opened, columns: int) -> None:
    async with browse(size=(columns, 24)) as driver:
        await driver.press("s")
        await driver.shows("Esc back")
        assert all(name in driver.screen.split("\n")[0] for name in ("day", "model", "tool", "project"))


async def test_keys_typed_before_a_screen_opens_do_nothing_after_it(browse: Opened) -> None:
    async with browse() as driver:
        for key in ("t", "p", "a", "d"):  # Without waiting for the screen of the first
            await driver.app.action_press(key)
        await driver.shows("Enter save")
        await driver.press("escape")
        await driver.shows("q quit")
        session = driver.session("first")
        assert (session["pinned"], session["archived"]) == (False, False)
        assert len(driver.app.screen_stack) == 1


async def test_a_signal_that_another_thread_takes_wakes_the_browser(browse: Opened) -> None:
    """Without it the browser may stay blank after ^Z and `fg`, because a thread besides may take SIGCONT."""
    async with browse():
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        assert descriptor >= 0
