"""The rows of the list, from the sessions or from what a search found."""

import textwrap

from segue.browse.data.search import Search
from segue.browse.data.sessions import Sessions
from segue.browse.views.row_drawing import Heading, HitRow, HitSession, Note, Row, SessionRow

FIRST_NAMES = 5
"""Sessions found by name that are shown before the messages. A row below them shows the others."""

EMPTY = (
    Note("Nothing here yet. Try one of:"),
    Note("  segue ask 'a question'"),
    Note("  segue import"),
)


def starting_rows(step: str, columns: int) -> list[Row]:
    """Return what is shown until a daemon serves."""
    return [Note(line) for line in textwrap.wrap(step, max(20, columns - 4))]


def group_rows(sessions: Sessions, folded_keys: set[str]) -> list[Row]:
    """Return the sessions under their headings."""
    rows: list[Row] = []
    for group in sessions.groups():
        folded = group.key in folded_keys
        rows.append(Heading(group.key, group.title, len(group.entries), folded))
        if not folded:
            rows += map(SessionRow, group.entries)
    if not rows and not sessions.entries:
        return [*EMPTY]
    return rows or [Note("No session matches."), Note("^F changes them.")]


def found_rows(search: Search, sessions: Sessions, columns: int) -> list[Row]:
    """Return what was found: names, then messages by session."""
    names = sessions.named(search.query)
    shown = names if search.shows_all_names else names[:FIRST_NAMES]
    rows: list[Row] = [Heading("names", "Names", len(names)), *map(SessionRow, shown)] if names else []
    if len(shown) < len(names):
        rows.append(Note(f"{len(names) - len(shown):,} more names".replace(",", " "), shows_names=True))
    more = search.next_cursor is not None
    rows.append(Heading("messages", "Messages", None if more else len(search.hits)))
    for session_id, hits in search.groups():
        entry = sessions.entries.get(session_id)
        title = entry.title if entry is not None else hits[0].session_name or session_id
        rows += [HitSession(session_id, title, len(hits)), *map(HitRow, hits)]
    if search.error:
        rows += map(Note, textwrap.wrap(search.error, max(20, columns - 4)))
    elif not search.is_long_enough:
        rows.append(Note("A substring needs at least 3 characters."))
    elif not search.is_answered:
        rows.append(Note("searching…"))
    elif not search.hits and more:
        rows.append(Note("No match in the newest messages; n continues."))
    elif not search.hits:
        text = "No message holds all words." if search.mode == "words" else "No message matches."
        rows += [Note(text), *(Note(f"Try: {query}", query) for query in search.suggestions)]
    elif more and search.mode != "words":
        rows.append(Note(f"Searched back to {search.hits[-1].created_at[:10]}; n continues."))
    return rows
