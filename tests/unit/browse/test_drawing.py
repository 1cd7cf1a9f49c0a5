"""What is drawn: Markdown, code, messages and rows, also of hostile texts."""

import re
import time
from typing import Any

import pytest
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from segue.browse.data.sessions import Entry
from segue.browse.views import text as texts
from segue.browse.views.markdown import lay_out
from segue.browse.views.message import Drawn, Look, Place, draw
from segue.browse.views.pieces import first_telling, marked
from segue.browse.views.row_drawing import HitRow, Note, RowPainter, SessionRow
from segue.browse.views.theme import ASCII, NAMES, Palette, Signs, palette
from segue.browse.views.wrapping import wrap
from segue.escapes import UNSAFE
from segue.models import Message
from segue.results import SearchHit

DARK = palette("dark", Signs())

HOSTILE = {
    "escape sequences": "\x1b[31mred\x1b]52;c;aGk=\x07 \x9b2J \x07\x08",
    "directions": "\u202egpj.exe\u202c \u2066x\u2069 \u200b",
    "marks of the search": "\ue000not a match\ue001",
    "tags": "\U000e0041\U000e0042",
    "one long line": "x" * 10_000,
    "a wide line": "日本語" * 3000,
    "quotes in quotes": "> " * 2000,
    "brackets": "[" * 12_000,
    "emphasis": "*a **b" * 3000,
    "a table of 200 columns": "|" + "a|" * 200 + "\n|" + "-|" * 200 + "\n|" + "b|" * 200,
    "joined emoji": "👩‍👩‍👧‍👦 👍🏽 e\u0301 ﷽",
    "a fence without an end": "```python\nprint(1)\n" * 50,
    "lists in lists": "\n".join("  " * depth + "- x" for depth in range(60)),
    "other line ends": "a\r\nb\u2028c\u2029d\x0be\x0cf",
    "tabs": "\ta\tb",
    "nothing": "",
    "8 MB": "word " * 1_600_000,
}


def message(content: str = "", role: Any = "assistant", **given: Any) -> Message:
    values: dict[str, Any] = dict.fromkeys(Message.__struct_fields__) | {
        "id": 1,
        "session_id": "s",
        "role": role,
        "content": content,
        "is_summary": False,
        "metadata": {},
        "created_at": "2026-11-21T14:30:00.000Z",
        "state": "complete",
        **given,
    }
    values.pop("cut")
    return Message(**values)


def drawn(one: Message, cells: int = 60, colors: Palette = DARK, *, unfolded: bool = False) -> Drawn:
    place = Place(lambda _: None, lambda _: False, follows_tools=False, divider="")
    return draw(one, Look(colors, cells, wrap_code=True, query=re.compile("a")), place, unfolded=unfolded)


def plain(lines: list[list[Segment]]) -> list[str]:
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("role", ["user", "assistant", "tool"])
def test_no_text_drives_the_terminal_or_leaves_its_pane(name: str, role: str) -> None:
    text = HOSTILE[name][:12_000]
    parts = [
        {"type": "tool_use", "id": text[:50], "name": text, "input": {text[:50]: text}},
        {"type": "injected", "text": text},
        {"type": "image", "name": text, "source": {"media_type": text}},
    ]
    for cells in (12, 60):
        one = message(text, role, parts=parts, model=text[:100] or None)
        for strip in drawn(one, cells, unfolded=True).strips:
            assert strip.cell_length == cells
            assert sum(segment.cell_length for segment in strip) == cells
            assert not set(map(ord, strip.text)) & {*UNSAFE, 0xE000, 0xE001}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_row_of_the_list_drives_the_terminal(name: str) -> None:
    text = HOSTILE[name][:5000]
    entry = Entry(
        id=text,
        name=text,
        working_dir=text,
        project=None,
        provider=text,
        model=text,
        status="active",
        pinned=False,
        archived=False,
        tags=[text],
        source=None,
        message_count=3,
        last_message_at="2026-11-21T14:30:00.000Z",
        parent_id=None,
    )
    hit = SearchHit(
        message_id=1,
        session_id="s",
        session_name=text,
        working_dir=None,
        role="user",
        created_at="2026-11-21T14:30:00.000Z",
        snippet=text,
        score=0.0,
        matched=[],
    )
    for row in (SessionRow(entry), HitRow(hit), Note(text)):
        for line in RowPainter(DARK, 38, dense=False).lines(row):
            whole = "".join(segment.text for segment in line)
            assert texts.width(whole) <= 38
            assert not set(map(ord, whole)) & {*UNSAFE, 0xE000, 0xE001}


def test_a_text_that_markdown_gives_up_on_is_shown_plain() -> None:
    assert "".join(plain(lay_out("> " * 2000, DARK, 60).lines)).count(">") > 0


@pytest.mark.parametrize("name", ["a wide line", "brackets", "emphasis", "a table of 200 columns", "lists in lists"])
def test_no_text_takes_long(name: str) -> None:
    started = time.process_time()
    lay_out(HOSTILE[name], DARK, 80)
    assert time.process_time() - started < 5  # It takes 0.1 s on a fast machine.


def test_markdown_becomes_lines() -> None:
    source = "# Head\n\nText *of* `code` [link](http://x.y)\n\n1. one\n2. two\n   - deep\n\n> said\n\n---\n"
    assert plain(lay_out(source, DARK, 60).lines) == [
        *("Head", "", "Text of code link (http://x.y)", "", "1. one", "2. two", "   - deep", "", "▎ said", ""),
        "─" * 40,
    ]


def test_a_table_shrinks_and_then_becomes_a_list() -> None:
    source = "| name | value |\n|---|---|\n| one | a long value that wraps |\n"
    assert plain(lay_out(source, DARK, 24).lines) == [
        *("name  value", "─" * 24, "one   a long value that", "      wraps"),
    ]
    assert plain(lay_out(source, DARK, 10).lines)[:2] == ["name: one", "value: a"]


def test_code_blocks_are_found_with_their_lines() -> None:
    layout = lay_out("Text\n\n```python\nx = 1\n```\n\n    indented\n", DARK, 30)
    assert [source for _, source in layout.blocks] == ["x = 1\n", "indented\n"]
    assert [plain(layout.lines)[line].strip() for line, _ in layout.blocks] == ["x = 1", "indented"]


def test_wrapping_keeps_every_word_and_no_line_is_too_long() -> None:
    text = "a bb ccc dddd 日本語日本語 " + "e" * 30
    for cells in range(2, 40):
        lines = plain(wrap([(text, None)], cells))
        assert all(texts.width(line) <= cells for line in lines)
        assert "".join("".join(lines).split()) == "".join(text.split())


def test_hebrew_marks_are_left_out_and_overrides_are_shown() -> None:
    assert texts.line("שלום\u200f!") == "שלום!"
    assert texts.line("a\u202eb\x1bc\nd") == "a\ufffdb\ufffdc d"


def test_ascii_signs_are_ascii() -> None:
    assert all(sign.isascii() for sign in ASCII)
    one = message("# A\n- b\n> c\n```\nd\n```", parts=[{"type": "tool_use", "id": "1", "name": "x", "input": {}}])
    for name in NAMES:
        strips = drawn(one, colors=palette(name, ASCII)).strips
        assert all(strip.text.isascii() for strip in strips)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_text_is_readable_on_every_background(name: str) -> None:
    colors = palette(name, Signs())
    for back in (colors.base, colors.band, colors.selected, colors.code, colors.bar):
        for fore in (colors.text, colors.bright, colors.dim, colors.accent, colors.you, colors.tool, colors.error):
            assert contrast(fore, back) >= (4.5 if fore != colors.text else 7)
    assert contrast(colors.match, colors.match) >= 7


def contrast(fore: Style, back: Style) -> float:
    """Return the contrast of WCAG."""

    def luminance(color: Color | None) -> float:
        assert color is not None
        assert color.triplet is not None
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in (part / 255 for part in color.triplet)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(fore.color), luminance(back.bgcolor)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


FAMILY, FLAG, SKIN, HEART = (
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1e9\U0001f1ea",
    "\U0001f44d\U0001f3fd",
    "\u2764\ufe0f",
)


@pytest.mark.parametrize("sign", [FAMILY, FLAG, SKIN, HEART, "1\ufe0f\u20e3", "e\u0301"])
def test_a_sign_of_several_characters_is_not_split(sign: str) -> None:
    cells = texts.width(sign)
    for at in range(cells, 3 * cells):
        begin, rest = texts.split_at(sign * 3, at)
        assert begin == sign * (at // cells)
        assert begin + rest == sign * 3
    assert texts.first_sign(sign + "x") == (sign, "x")


@pytest.mark.parametrize("sign", [FAMILY, FLAG, SKIN, HEART, "\U0001f600"])
def test_the_cursor_is_put_after_a_sign_whose_width_terminals_disagree_on(sign: str) -> None:
    cells = texts.width(sign)
    placed = f"\x1b7{' ' * cells}\x1b8{sign}\x1b8\x1b[{cells}C"
    assert texts.placed(f"\x1b[1ma{sign}b\x1b[0m{sign}") == f"\x1b[1ma{placed}b\x1b[0m{placed}"
    assert texts.placed("\u3164") == "\x1b7\x1b8\u3164\x1b8"  # 0 in a sequence would mean 1


def test_all_other_output_is_left_as_it_is() -> None:
    output = "\x1b[2J plain \u65e5\u672c \u2500\u2502 e\u0301 \u05e9\u05dc\u05d5\u05dd"
    assert texts.placed(output) == output
    for mark in ("\u200d", "\ufe0f", "\U0001f3fd"):  # Not joined with the sequence that follows
        assert texts.placed(f"a{mark}\x1b[0mb").endswith("\x1b[0mb")


def test_what_a_model_thought_stands_before_what_it_said() -> None:
    parts = [{"type": "text", "text": "Said"}, {"type": "thinking", "thinking": "first this"}]
    lines = [strip.text.strip() for strip in drawn(message("Said", parts=parts)).strips]
    assert [line for line in lines if line][1:] == ["\u25b8 thinking (2 words)", "Said"]


@pytest.mark.parametrize("text", ["`" * 5000, "```python", "~~~", "```\n\n```"])
def test_a_code_block_without_code_is_shown_as_typed(text: str) -> None:
    lines = plain(lay_out(text, DARK, 60).lines)
    assert any(text[:3] in line for line in lines)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\n412 passed\nin 8 s", "412 passed"),
        ("<untrusted_context>\n  Output: main.py\n</untrusted_context>", "Output: main.py"),
        ("```json\n{}\n```", "{}"),
        ("<empty>", "<empty>"),
        ("", ""),
    ],
)
def test_an_outcome_shows_the_first_line_that_says_something(text: str, line: str) -> None:
    assert first_telling(text) == line


HINDI = "\u0926\u0941\u0928\u093f\u092f\u093e"
"""A word with a sign below a letter, and two vowels beside letters."""


def test_a_vowel_with_a_cell_of_its_own_is_counted_and_put_in_its_place() -> None:
    shown = texts.line(f"a {HINDI} b")
    assert texts.width(shown) == 9  # Five letters and vowels, as xterm and tmux count them
    assert texts.without_fillers(shown) == f"a {HINDI} b"
    assert texts.placed(f"\x1b[1m{shown}") == f"\x1b[1ma \x1b7     \x1b8{HINDI}\x1b8\x1b[5C b"
    for cells in range(1, 6):
        begin, rest = texts.split_at(texts.line(HINDI), cells)
        assert texts.without_fillers(begin + rest) == HINDI
        assert rest[:1] not in {texts.FILLER, *texts._VOWELS}
        assert texts.FILLER not in texts.placed(begin)
    assert texts.line(texts.FILLER) == "\ufffd"


def test_a_match_is_marked_between_vowels() -> None:
    line = [Segment(texts.line(f"x {HINDI} {HINDI}"))]
    found = marked(line, re.compile(f"{HINDI} {HINDI}"), Style(bold=True))
    assert [texts.without_fillers(text) for text, style, _ in found if style] == [f"{HINDI} {HINDI}"]
