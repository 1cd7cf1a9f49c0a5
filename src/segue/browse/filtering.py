"""Choose what the list and the search leave out."""

from typing import TYPE_CHECKING

from segue.browse.data.sessions import short_names
from segue.browse.screens.choice import Choice, ChoiceScreen
from segue.workflows.times import parse_moment

if TYPE_CHECKING:
    from segue.browse.app import Browse

TIMES = {"1d": "the last day", "7d": "the last week", "30d": "the last month", "365d": "the last year"}


class Filtering:
    """The questions for a filter and its value."""

    def __init__(self, app: "Browse") -> None:
        self._app = app

    async def choose(self) -> None:
        """Choose a filter and its value."""
        lister = self._app.lister
        filters = lister.sessions.filters
        now = {name: str(getattr(filters, name) or "") for name in ("project", "tool", "role", "since", "tag")}
        choices = [Choice(name, "", "time" if name == "since" else name, value) for name, value in now.items()]
        choices.append(Choice("archived", "", "archived", "only archived" if filters.archived else ""))
        choices.append(Choice("none", "", "remove all filters"))
        name = await self._app.ask_screen(ChoiceScreen(self._app.palette, "Filter by", choices))
        if name == "none":
            lister.sessions.filters = type(filters)()
        elif name == "archived":
            filters.archived = not filters.archived
        elif name is not None:
            value = await self._app.ask_screen(ChoiceScreen(self._app.palette, f"Filter by {name}", self._values(name)))
            if value is None:
                return
            setattr(filters, name, (parse_moment(value) if name == "since" and value else value) or None)
        else:
            return
        await (lister.find_again() if lister.is_searching else self._refresh())

    async def _refresh(self) -> None:
        self._app.lister.refresh()

    def _values(self, name: str) -> list[Choice]:
        everything = Choice("", "", "(all)")
        if name == "role":
            return [everything, *(Choice(role, "", role) for role in ("user", "assistant", "system", "tool"))]
        if name == "since":
            return [everything, *(Choice(age, "", label) for age, label in TIMES.items())]
        found = [*self._app.lister.sessions.values(name)]
        labels = short_names([value for value, _ in found]) if name == "project" else {}
        return [everything, *(Choice(value, "", labels.get(value, value), str(count)) for value, count in found)]
