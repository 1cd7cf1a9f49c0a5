"""The place of the reader, compared with a model that draws everything."""

import random
from typing import Any

import pytest
from textual.app import App, ComposeResult

from segue.browse.data.pages import Pages
from segue.browse.views.conversation import Conversation
from segue.browse.views.theme import Signs, palette
from tests.unit.browse.test_drawing import message


class Alone(App[None]):
    """The conversation without the rest of the browser."""

    def compose(self) -> ComposeResult:
        self.asked: list[int] = []
        self.conversation = Conversation(palette("dark", Signs()), self.asked.append)
        yield self.conversation


def filled(chance: random.Random, count: int) -> Pages:
    pages = Pages("s")
    for id in range(1, count + 1):
        calls = [{"type": "tool_use", "id": f"c{id}", "name": "Bash", "input": {"command": "x"}}]
        results = [{"type": "tool_result", "tool_use_id": f"c{id - 1}", "content": "fine"}]
        kind = id % 4
        content = "" if kind in (2, 3) else f"message {id}\n" * chance.randrange(1, 30)
        given: dict[str, Any] = {"parts": {2: calls, 3: results}.get(kind)}
        pages.append(message(content, "user" if kind in (0, 3) else "assistant", id=id, **given))
    return pages


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_random_moves_show_what_a_model_shows(seed: int) -> None:
    chance = random.Random(seed)
    app = Alone()
    async with app.run_test(size=(60, 20)) as pilot:
        conversation = app.conversation
        conversation.show(filled(chance, 120))
        conversation.settle()
        await pilot.pause()

        def everything() -> list[tuple[int, int]]:
            return [(at, line) for at in range(conversation.pages.count) for line in range(conversation.height_of(at))]

        whole = everything()
        assert [row[1:] for row in conversation.rows] == whole[-20:]
        first = len(whole) - 20
        for _ in range(150):
            move = chance.choice(["scroll", "scroll", "jump", "append", "fold", "all"])
            if move == "scroll":
                count = chance.randrange(-40, 40)
                conversation.scroll_lines(count)
                first = max(0, min(first + count, len(whole) - 20))
            elif move == "jump":
                conversation.jump(fraction := chance.random())
                first = max(0, min(round(fraction * (len(whole) - 20)), len(whole) - 20))
            elif move == "append":
                is_end = first == len(whole) - 20
                conversation.pages.append(message("new\nlines", id=conversation.pages.last_id + 1))
                conversation.added()
                whole = everything()
                first = len(whole) - 20 if is_end else first
            elif chance.random() < 0.3:
                conversation.cursor = chance.randrange(conversation.pages.count)
                conversation.toggle_fold()
                whole = everything()
                first = whole.index((conversation.rows[0][1], conversation.rows[0][2]))
            assert [row[1:] for row in conversation.rows] == whole[first : first + 20], move
        assert app.asked == []


async def test_what_is_not_there_yet_is_asked_for_and_drawn_as_waiting() -> None:
    app = Alone()
    async with app.run_test(size=(60, 20)):
        pages = Pages("s")
        pages.count = 1000
        app.conversation.show(pages)
        app.conversation.settle()
        assert {*app.asked} == {9}
        app.conversation.top()
        assert {0, 9} <= {*app.asked}
        assert all("·" in strip.text for strip in app.conversation.view)
