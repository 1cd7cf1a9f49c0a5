"""The lines around the panes: the count, the chips, the title and the footer."""

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.widgets import Static

from segue.browse.keys import LIST, READ, fitting, hints, named
from segue.browse.screens.choice import ChoiceScreen
from segue.browse.screens.prompt import ConfirmScreen, PromptScreen
from segue.browse.views import text as texts
from segue.runtime.progress import STARTING
from segue.workflows.labels import title

if TYPE_CHECKING:
    from textual.screen import Screen

    from segue.browse.app import Browse

COLUMNS_OF_THREE = 120
"""Columns of the terminal from which on the details have a place of their own."""

PANES = [(0, "-one"), (80, "-two"), (COLUMNS_OF_THREE, "-three")]
"""The least columns and the class of a screen, for each number of panes."""

LEAST_PLACEHOLDER = 60
"""Columns from which on the first line says what is searched."""

LEAST_TITLE = 24
"""Cells: the least width of the title. The facts beside it are left out first."""


def set_panes(screen: "Screen[Any]", columns: int) -> None:
    """Set the number of panes before they are laid out, because Textual sets it after and lays them out again."""
    wanted = max(pair for pair in PANES if pair[0] <= columns)
    for pair in PANES:
        screen.set_class(pair is wanted, pair[1])


def headline(app: "Browse") -> Text:
    """Return what stands at the right of the first line: the number of sessions, or that the daemon is away."""
    if app.link.away:
        return Text(f"segued is away since {app.link.away_seconds} s, waiting", app.palette.warn)
    if app.asking.is_running:
        return Text(f"asking{app.palette.signs.ellipsis}  ^C stops", app.palette.you)
    if not app.lister.is_begun:
        return Text("")
    total = app.lister.sessions.total
    count = f"{total:,}".replace(",", " ")
    return Text(f"{count} session{'' if total == 1 else 's'}", app.palette.dim)


def show(app: "Browse", screen: "Screen[Any]") -> None:
    """Show all lines around the panes."""
    shown = chips(app)
    app.moves.fit_list(app.size.width)
    classes = {"-reading": app.pane == READ, "-searching": app.lister.is_searching, "-chips": bool(shown.plain)}
    screen.remove_class(*(name for name, is_set in classes.items() if not is_set))
    screen.add_class(*(name for name, is_set in classes.items() if is_set))  # Each call computes all styles again
    app.query_input.placeholder = "/ search names and messages" if app.size.width >= LEAST_PLACEHOLDER else "/ search"
    for id, text in (
        ("#count", headline(app)),
        ("#chips", shown),
        ("#title", status(app)),
        ("#foot", footer(app)),
    ):
        screen.query_one(id, Static).update(text)


def starting() -> str:
    """Return what is shown until a daemon serves: that it starts, or how far its migration is."""
    if STARTING.total is None:
        return f"Starting segued: {STARTING.step}" if STARTING.step else "Starting segued"
    return f"Starting segued: {STARTING.step}, {STARTING.done} of {STARTING.total} {STARTING.unit}"


def chips(app: "Browse") -> Text:
    """Return the mode of the search and the filters; nothing if there are none."""
    filters, palette = app.lister.sessions.filters, app.palette
    values = {
        "project": texts.line(filters.project or "").rpartition("/")[2],
        "tool": filters.tool,
        "role": filters.role,
        "time": f"since {filters.since[:10]}" if filters.since else None,
        "tag": f"#{filters.tag}" if filters.tag else None,
        "archived": "archived" if filters.archived else None,
    }
    text = Text(no_wrap=True, overflow="ellipsis")
    if not app.lister.is_searching and not any(values.values()):
        return text
    if app.lister.is_searching:
        text.append(
            f" {app.lister.search.mode} ", palette.selected if palette.is_ansi else palette.accent + palette.selected
        )
        text.append("  ")
    for name, value in values.items():
        if value:
            text.append(value if name == value else f"{name}: {value}", palette.accent)
            text.append("   ")
        elif name != "archived":
            text.append(f"{name}   ", palette.dim)
    return text


def status(app: "Browse") -> Text:
    """Return the line above the conversation: the title, the model and the number of messages."""
    conversation, palette = app.conversation, app.palette
    text = Text(no_wrap=True, overflow="ellipsis")
    session_id = app.reader.session_id
    if session_id is None:
        return text
    entry, session = app.lister.entry(session_id), app.reader.session
    name = entry.title if entry is not None else title(session.name, None) if session is not None else session_id
    count = conversation.pages.count
    facts = [entry.model] if entry is not None and entry.model else []
    facts.append(f"{count:,} message{'' if count == 1 else 's'}".replace(",", " "))
    if not conversation.follow and count:
        below = count - 1 - (conversation.rows[-1][1] if conversation.rows else 0)
        facts += [f"{below:,} below".replace(",", " ")] if below > 0 else []
    about = "  ".join(texts.line(fact) for fact in facts)
    room = conversation.size.width - texts.width(about) - 8
    if room < LEAST_TITLE:
        about, room = "", max(10, conversation.size.width - 6)
    text.append(texts.fill(texts.cut(texts.line(name), room, palette.signs.ellipsis), room), palette.bright)
    text.append(f"  {about}", palette.dim)
    return text


def shows_details_over(app: "Browse") -> bool:
    """Return True if the details lie over another pane."""
    return app.screen.has_class("-details") and not app.screen.has_class("-three")


def footer(app: "Browse") -> Text:
    """Return the keys of the focused pane, cut at whole hints; the one for all keys is the last to go."""
    if isinstance(app.screen, ChoiceScreen):
        state = "choose"
    elif isinstance(app.screen, PromptScreen | ConfirmScreen):
        state = "prompt" if isinstance(app.screen, PromptScreen) else "confirm"
    elif app.focused is app.query_input:
        state = "search"
    elif app.focused is app.ask_input:
        state = "ask"
    elif app.conversation.mark is not None:
        state = "mark"
    elif shows_details_over(app):
        state = "details"
    else:
        state = READ if app.pane == READ else LIST
    pairs = [(named(key, app.palette.signs), word) for key, word in hints(state)]
    pairs = fitting(pairs, app.size.width - 2)
    text = Text(no_wrap=True)
    for at, (key, word) in enumerate(pairs):
        text.append(("   " if at else "") + key, app.palette.bright)
        text.append(f" {word}", app.palette.dim)
    return text
