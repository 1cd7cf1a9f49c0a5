"""The sessions of the list, filtered, grouped and ordered."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from segue.models import Session, Source
from segue.timestamps import milliseconds
from segue.workflows import labels

ORDERS = ("project", "time", "name")
"""The orders of the list: by project and time, by time, or by name."""

NO_PLACE = "(no directory)"


class Entry(Struct, kw_only=True):
    """A session as a row shows it. It has fewer members than the daemon sends, because there are thousands."""

    id: str
    name: str | None
    preview: str | None = None
    working_dir: str | None
    project: str | None
    provider: str | None
    model: str | None
    status: str
    pinned: bool
    archived: bool
    tags: list[str]
    source: Source | None
    message_count: int
    last_message_at: str
    parent_id: str | None
    title: str = ""
    lowered: str = ""
    is_streaming: bool = False

    def __post_init__(self) -> None:
        """Compute the title once, because the search compares it at each key."""
        self.title = labels.title(self.name, self.preview)
        self.lowered = f"{self.title} {self.name or ''} {self.place}".lower()

    @property
    def place(self) -> str:
        """Return the project, or the directory."""
        return self.project or self.working_dir or ""

    @property
    def tool(self) -> str:
        """Return the tool that the session was imported from, or `segue`."""
        return self.source.tool if self.source is not None else "segue"

    @property
    def last_ms(self) -> int:
        """Return the time of the last message in milliseconds."""
        return milliseconds(self.last_message_at)


class EntryPage(Struct, kw_only=True):
    """A page of the list."""

    sessions: list[Entry]
    total: int
    next_cursor: str | None = None


class Filters(Struct, kw_only=True):
    """Conditions on the sessions of the list and of the search; None accepts all."""

    project: str | None = None
    """A project, or a directory where sessions have no project."""
    tool: str | None = None
    role: str | None = None
    since: str | None = None
    tag: str | None = None
    archived: bool = False

    def accepts(self, entry: Entry) -> bool:
        """Return True if a session passes."""
        return (
            entry.archived == self.archived
            and (self.project is None or entry.place == self.project)
            and (self.tool is None or entry.tool == self.tool)
            and (self.tag is None or self.tag in entry.tags)
            and (self.since is None or entry.last_message_at >= self.since)
        )


class Group(NamedTuple):
    """Sessions under one heading."""

    key: str
    title: str
    entries: list[Entry]


class Sessions:
    """All sessions that were loaded, by ID."""

    def __init__(self, here: str) -> None:
        self.here = here
        self.entries: dict[str, Entry] = {}
        self.total = 0
        self.filters = Filters()
        self.order = "project"

    def put(self, entry: Entry) -> None:
        """Add a session or replace it. The row of an event has no preview, so the old one stays."""
        old = self.entries.get(entry.id)
        if old is not None and entry.preview is None:
            entry.preview = old.preview
            entry.__post_init__()
        self.entries[entry.id] = entry

    def shown(self) -> list[Entry]:
        """Return the sessions that pass the filters, newest first or by name."""
        return self._ordered([entry for entry in self.entries.values() if self.filters.accepts(entry)])

    def _ordered(self, found: list[Entry]) -> list[Entry]:
        if self.order == "name":
            return sorted(found, key=lambda entry: (entry.title.lower(), entry.id))
        return sorted(found, key=lambda entry: (entry.last_message_at, entry.id), reverse=True)

    def groups(self) -> list[Group]:
        """Return the sessions under headings: pinned ones, the project of this directory, the other projects."""
        found = self.shown()
        groups = [Group("pinned", "Pinned", [entry for entry in found if entry.pinned])]
        others = [entry for entry in found if not entry.pinned]
        if self.order != "project":
            groups.append(Group("all", "Sessions", others))
            return [group for group in groups if group.entries]
        places: dict[str, list[Entry]] = {}
        for entry in others:
            places.setdefault(entry.place, []).append(entry)
        names = short_names([*places])
        ordered = sorted(places, key=lambda place: not self._is_here(place))
        groups += [Group(place, names[place], places[place]) for place in ordered]
        return [group for group in groups if group.entries]

    def next_order(self) -> None:
        """Order the list in the next way."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]

    def named(self, query: str) -> list[Entry]:
        """Return the sessions whose name, first message or project holds all words of a query."""
        words = query.lower().replace('"', " ").replace("*", " ").split()
        if not words:
            return []
        found = [*self.entries.values()]
        for word in words:  # In one loop for each word, because a call for each entry takes ten times as long
            found = [entry for entry in found if word in entry.lowered]
        return self._ordered([*filter(self.filters.accepts, found)])  # Ordering all of them would delay each key

    def values(self, member: str) -> Iterator[tuple[str, int]]:
        """Yield each value of a filter with the number of its sessions, the most frequent first."""
        counts: dict[str, int] = {}
        for entry in self.entries.values():
            values = {"project": [entry.place], "tool": [entry.tool], "tag": entry.tags}[member]
            for value in values:
                counts[value] = counts.get(value, 0) + 1
        yield from sorted(((value, count) for value, count in counts.items() if value), key=lambda pair: -pair[1])

    def family(self, session_id: str) -> tuple[Entry | None, list[Entry]]:
        """Return the parent of a session, and its forks."""
        entry = self.entries.get(session_id)
        parent = self.entries.get(entry.parent_id) if entry is not None and entry.parent_id else None
        return parent, [other for other in self.entries.values() if other.parent_id == session_id]

    def _is_here(self, place: str) -> bool:
        return bool(place) and (self.here == place or self.here.startswith(f"{place.rstrip('/')}/"))


def entry_of(session: Session) -> Entry:
    """Return the row of a session that an event has."""
    members = (name for name in Entry.__struct_fields__ if hasattr(session, name))
    return Entry(**{name: getattr(session, name) for name in members})


def short_names(places: list[str]) -> dict[str, str]:
    """Return the last part of each path, with as many parts before it as tell it from the others."""
    names: dict[str, str] = {}
    left, count = places, 1
    while left:
        short = {place: "/".join(place.rstrip("/").split("/")[-count:]) or place for place in left}
        found = Counter(short.values())
        names |= {
            place: name or NO_PLACE for place, name in short.items() if found[name] == 1 or count > place.count("/")
        }
        left, count = [place for place in left if place not in names], count + 1
    return names
