"""The colors of the browser: dark, light, the terminal's 16 colors, and none."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

NAMES = ("dark", "light", "ansi")

_ROLES = {
    "dark": {
        "background": "#16181d", "band": "#1b231f", "text": "#c9d1d9", "bright": "#f0f3f6", "dim": "#9aa3ad",
        "line": "#3a414b", "accent": "#7cb7ff", "you": "#8fd694", "tool": "#c9a26d", "error": "#ff7b72",
        "warn": "#e3b341", "selected": "#2c3440", "match": "#16181d", "match_back": "#e3b341", "code": "#1f232b",
        "bar": "#1b1f26",
    },
    "light": {
        "background": "#ffffff", "band": "#eef7f0", "text": "#24292f", "bright": "#0b0f14", "dim": "#57606a",
        "line": "#ccd3da", "accent": "#0757b5", "you": "#116329", "tool": "#7a4f01", "error": "#b3261e",
        "warn": "#7a5200", "selected": "#dbe9fb", "match": "#1f1a00", "match_back": "#ffdf5d", "code": "#f1f3f5",
        "bar": "#eceff2",
    },
}  # fmt: skip
"""The colors by role. Text on its background has a contrast of 11 or more, all that carries meaning 4.5 or more."""

_ANSI = {"accent": "blue", "you": "green", "tool": "yellow", "error": "red", "warn": "yellow"}

_SYNTAX = {
    "dark": {"Keyword": "#ff9492", "String": "#a5d6ff", "Number": "#79c0ff", "Comment": "#9aa3ad", "Name.Function":
             "#d2a8ff", "Name.Class": "#f0c674", "Name.Builtin": "#79c0ff", "Name.Decorator": "#d2a8ff", "Operator":
             "#ff9492", "Name.Tag": "#8fd694", "Name.Attribute": "#79c0ff", "Generic.Inserted": "#8fd694",
             "Generic.Deleted": "#ff9492"},
    "light": {"Keyword": "#a40e26", "String": "#0a3069", "Number": "#0550ae", "Comment": "#57606a", "Name.Function":
              "#6639ba", "Name.Class": "#7a4f01", "Name.Builtin": "#0550ae", "Name.Decorator": "#6639ba", "Operator":
              "#a40e26", "Name.Tag": "#116329", "Name.Attribute": "#0550ae", "Generic.Inserted": "#116329",
              "Generic.Deleted": "#a40e26"},
    "ansi": {"Keyword": "magenta", "String": "green", "Number": "cyan", "Comment": "bright_black", "Name.Function":
             "blue", "Name.Class": "yellow", "Name.Builtin": "cyan", "Generic.Inserted": "green",
             "Generic.Deleted": "red"},
}  # fmt: skip


class Palette(NamedTuple):
    """The styles by role, and the signs."""

    name: str
    base: Style
    text: Style
    bright: Style
    dim: Style
    line: Style
    accent: Style
    you: Style
    tool: Style
    error: Style
    warn: Style
    band: Style
    selected: Style
    match: Style
    code: Style
    bar: Style
    is_ansi: bool
    signs: "Signs"


class Signs(NamedTuple):
    """Characters of neutral width, or of ASCII where the locale has no others."""

    pinned: str = "⚑"
    crashed: str = "✗"
    ended: str = "✓"
    streaming: str = "~"
    archived: str = "▫"
    bar: str = "▎"
    cursor: str = "▌"
    rule: str = "─"
    divider: str = "│"
    closed: str = "▸"
    opened: str = "▾"
    ellipsis: str = "…"
    wrapped: str = "↪"
    bullet: str = "•"
    branch: str = "├"
    corner: str = "└"
    thumb: str = "┃"
    waiting: str = "·"


ASCII = Signs(
    "^", "x", "v", "~", "a", "|", ">", "-", "|", "+", "-", "...", ">", "-", "|-", "`-", "#", "."
)  # fmt: skip


def palette(name: str, signs: Signs) -> Palette:
    """Return the palette of a theme."""
    if name == "ansi":
        return _ansi(signs)
    found = _ROLES[name]

    def fore(role: str, **style: Any) -> Style:
        return Style(color=found[role], **style)

    return Palette(
        name,
        base=Style(color=found["text"], bgcolor=found["background"]),
        text=fore("text"),
        bright=fore("bright", bold=True),
        dim=fore("dim"),
        line=fore("line"),
        accent=fore("accent"),
        you=fore("you"),
        tool=fore("tool"),
        error=fore("error"),
        warn=fore("warn"),
        band=Style(bgcolor=found["band"]),
        selected=Style(bgcolor=found["selected"]),
        match=Style(color=found["match"], bgcolor=found["match_back"], bold=True),
        code=Style(bgcolor=found["code"]),
        bar=Style(color=found["text"], bgcolor=found["bar"]),
        is_ansi=False,
        signs=signs,
    )


def _ansi(signs: Signs) -> Palette:
    """Return the palette of the terminal's own colors. Marks and reverse carry the meaning, because colors may go."""
    colors = {role: Style(color=color) for role, color in _ANSI.items()}
    return Palette(
        "ansi",
        base=Style(),
        text=Style(),
        bright=Style(bold=True),
        dim=Style(color="bright_black"),
        line=Style(color="bright_black"),
        **colors,
        band=Style(),
        selected=Style(reverse=True),
        match=Style(reverse=True, bold=True),
        code=Style(),
        bar=Style(),
        is_ansi=True,
        signs=signs,
    )


def textual_themes() -> Iterator[Theme]:
    """Yield the themes for what Textual draws itself: backgrounds, inputs, toasts."""
    for name, found in _ROLES.items():
        yield Theme(
            name=f"segue-{name}",
            primary=found["accent"],
            accent=found["accent"],
            warning=found["warn"],
            error=found["error"],
            success=found["you"],
            foreground=found["text"],
            background=found["background"],
            surface=found["bar"],
            panel=found["bar"],
            dark=name == "dark",
            variables={"dim": found["dim"], "line": found["line"], "selected": found["selected"]},
        )
    plain = "ansi_default"
    yield Theme(
        name="segue-ansi",
        primary="ansi_blue",
        accent="ansi_blue",
        warning="ansi_yellow",
        error="ansi_red",
        success="ansi_green",
        foreground=plain,
        background=plain,
        surface=plain,
        panel=plain,
        boost=plain,
        ansi=True,
        variables={
            **BUILTIN_THEMES["ansi-dark"].variables,
            "dim": "ansi_bright_black",
            "line": "ansi_bright_black",
            "selected": plain,
        },
    )


@lru_cache(1024)
def syntax_style(theme: str, token: Any) -> Style | None:
    """Return the style of a token of Pygments."""
    table = _SYNTAX[theme]
    name = str(token).removeprefix("Token.").replace("Literal.", "")
    while name:
        if name in table:
            return Style(color=table[name])
        name = name.rpartition(".")[0]
    return None
