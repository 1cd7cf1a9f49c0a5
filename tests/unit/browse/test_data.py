"""The data of the browser: heights, pages, sessions, keys."""

import random
from typing import Any

import pytest

from segue.browse import actions, keys, moves, state
from segue.browse.data.heights import Heights
from segue.browse.data.pages import PAGE, Pages
from segue.browse.data.search import Search
from segue.browse.data.sessions import Entry, Sessions
from segue.browse.views.list_rows import found_rows, starting_rows
from segue.browse.views.row_drawing import Note
from segue.runtime.progress import Progress
from tests.unit.browse.test_drawing import message


def entry(id: str, **given: Any) -> Entry:
    values: dict[str, Any] = {
        "id": id,
        "name": None,
        "working_dir": None,
        "project": None,
        "provider": None,
        "model": None,
        "status": "active",
        "pinned": False,
        "archived": False,
        "tags": [],
        "source": None,
        "message_count": 1,
        "last_message_at": "2026-11-21T14:30:00.000Z",
        "parent_id": None,
    }
    return Entry(**{**values, **given})


def test_heights_agree_with_a_plain_list() -> None:
    chance = random.Random(7)
    heights, model = Heights(300), [5] * 300
    for _ in range(2000):
        if chance.random() < 0.1:
            heights.grow(len(model) + 1)
            model.append(5)
        at = chance.randrange(len(model))
        heights[at] = model[at] = chance.randrange(9)
        assert heights.total == sum(model)
        assert heights.above(at) == sum(model[:at])
    for line in range(0, heights.total, 7):
        at, within = heights.at(line)
        assert heights.above(at) + within == line


def test_pages_keep_the_newest_and_say_what_is_missing() -> None:
    pages = Pages("s")
    pages.count = 5000
    messages = [message(f"m{number}", id=number + 1) for number in range(5000)]
    pages.put(4850, messages[4850:])
    assert pages[4899] is None  # The page begins before what was given
    assert pages[4900] is messages[4900]
    assert [*pages.missing(4700, 4999)] == [47, 48]
    assert pages.neighbor_id(48) == ("before_id", 4901)
    for number in range(20):
        pages.put(number * PAGE, messages[number * PAGE : (number + 1) * PAGE])
    assert pages[0] is None  # 16 pages are kept
    assert pages[1999] is not None


def test_a_message_is_added_once_and_at_the_end() -> None:
    pages = Pages("s")
    pages.put(0, [message("a", id=1)])
    assert pages.append(message("b", id=2))
    assert not pages.append(message("b", id=2))
    assert pages.count == 2
    assert pages.position(2) == 1
    assert pages.add_delta(2, 1, "c")
    assert not pages.add_delta(2, 9, "x")
    assert pages[1] is not None
    assert pages[1].content == "bc"


def test_a_huge_message_is_cut_in_memory() -> None:
    pages = Pages("s")
    pages.append(message("x" * 8_000_000, id=1))
    assert pages[0] is not None
    assert len(pages[0].content) == 16_384
    assert pages[0].cut == {"content": 8_000_000}


def test_the_title_is_a_given_name_or_the_first_message() -> None:
    generated = "How do I - 2026-11-21_14-30"
    assert entry("1", name=generated, preview="How do I\nsort?").title == "How do I sort?"
    assert entry("1", name="Mine", preview="How").title == "Mine"
    assert entry("1", name=generated).title == "How do I"
    assert entry("1").title == "(no name)"


def test_projects_of_the_same_name_get_different_headings() -> None:
    sessions = Sessions("/b/api/src")
    for id, project in (("1", "/a/api"), ("2", "/b/api"), ("3", None)):
        sessions.put(entry(id, project=project))
    sessions.put(entry("4", pinned=True))
    assert [group.title for group in sessions.groups()] == ["Pinned", "b/api", "(no directory)", "a/api"]
    for id, project in (("5", "/x/b/api"), ("6", "/"), ("7", "b/api")):
        sessions.put(entry(id, project=project))
    titles = [group.title for group in sessions.groups()]
    assert len(set(titles)) == len(titles)
    assert {"x/b/api", "/b/api", "b/api", "a/api", "/"} <= set(titles)


def test_each_key_has_one_action_and_each_action_a_method() -> None:
    for pane in (keys.LIST, keys.READ):
        names = [name for key in keys.KEYS if pane in key.panes for name in key.keys.split(",")]
        assert len(names) == len(set(names)), pane
    for key in keys.KEYS:
        assert hasattr(moves.Moves, key.action) or hasattr(actions.Actions, key.action), key


@pytest.mark.parametrize("state", [keys.LIST, keys.READ, "search", "ask", "mark", "choose", "prompt", "confirm"])
def test_the_footer_has_words_for_its_keys(state: str) -> None:
    assert all(key and word for key, word in keys.hints(state))


def test_a_search_that_stopped_early_says_that_it_continues() -> None:
    found = Search()
    found.begin("x.*y")
    found.mode, found.is_answered, found.next_cursor = "regex", True, "c"
    assert [row.text for row in found_rows(found, Sessions("/"), 80) if isinstance(row, Note)] == [
        "No match in the newest messages; n continues."
    ]
    found.next_cursor = None
    assert found_rows(found, Sessions("/"), 80)[-1] == Note("No message matches.")


def test_the_list_says_how_far_the_start_of_the_daemon_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "STARTING", progress := Progress("start"))
    assert starting_rows(state.starting(), 30) == [Note("Starting segued")]
    progress.set("changing the schema", 2, 7, "steps")
    assert starting_rows(state.starting(), 34) == [Note("Starting segued: changing the"), Note("schema, 2 of 7 steps")]
