"""The statistics on the whole screen, by day, week, month, project, model or tool."""

from typing import TYPE_CHECKING, ClassVar, cast, get_args

from rich.segment import Segment
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static

from segue.browse.screens.pager import PageScreen
from segue.browse.views import times
from segue.browse.views.lines import Lines, strip
from segue.browse.views.theme import Palette
from segue.cli.output.stats_table import stats_lines
from segue.models import StatsGroup
from segue.results import Stats
from segue.workflows.times import local_zone

if TYPE_CHECKING:
    from segue.browse.app import Browse

GROUPS: tuple[StatsGroup, ...] = get_args(StatsGroup)


class StatsPage(Lines):
    """The lines of the statistics."""

    def __init__(self, palette: Palette) -> None:
        super().__init__(palette)
        self.stats: Stats | None = None
        self.group: StatsGroup = GROUPS[0]

    def settle(self) -> None:
        """Draw the visible lines."""
        styles = {"text": None, "faint": self.palette.dim, "strong": self.palette.bright, "bar": self.palette.you}
        if not self.size.width:
            return  # Before the first layout
        lines: list[list[Segment]] = []
        if self.stats is not None and self.stats.rows:
            today = times.now().date()
            found = stats_lines(self.stats, self.group, self.columns - 2, today=today, chosen=True)
            lines = [[Segment(" "), *(Segment(text, styles[role]) for text, role in line)] for line in found]
        elif self.stats is not None:
            lines = [[Segment(" No message matches.", self.palette.dim)]]
        self.total = len(lines)
        self.first_line = max(0, min(self.first_line, len(lines) - self.size.height))
        shown = lines[self.first_line : self.first_line + self.size.height]
        self.view = [strip(line, self.palette.base, self.columns) for line in shown]
        self.refresh()


class StatsScreen(PageScreen):
    """The statistics of the sessions that the filters accept."""

    KEYS: ClassVar[list[tuple[str, str]]] = [("Tab", "group"), ("j k", "line"), ("PgDn PgUp", "page"), ("Esc", "back")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "leave", show=False),
        Binding("tab,right", "group(1)", show=False),
        Binding("shift+tab,left", "group(-1)", show=False),
    ]
    page: StatsPage

    def __init__(self, palette: Palette) -> None:
        super().__init__(StatsPage(palette), "")

    @property
    def _browse(self) -> "Browse":
        return cast("Browse", self.app)

    def on_mount(self) -> None:
        """Ask for the statistics by day."""
        self.page.focus()
        self._ask(self.page.group)

    def action_group(self, direction: int) -> None:
        """Count by the next group."""
        self._ask(GROUPS[(GROUPS.index(self.page.group) + direction) % len(GROUPS)])

    def _ask(self, group: StatsGroup) -> None:
        self.page.group, self.page.stats = group, None
        self.page.settle()
        self._show_groups()
        self._browse.spawn(self._load(group))

    def on_resize(self) -> None:
        """Fit the names of the groups into the width."""
        super().on_resize()
        self._show_groups()

    def _show_groups(self) -> None:
        palette = self.page.palette
        margin = " " if self.app.size.width >= sum(len(name) + 2 for name in GROUPS) + 2 else ""
        title = Text(no_wrap=True)
        for name in GROUPS:
            style = palette.accent + palette.selected if name == self.page.group else palette.dim
            title.append(f"{margin}{name}{margin}", style).append("" if margin else " ")
        self.query_one(".title", Static).update(title)

    async def _load(self, group: StatsGroup) -> None:
        stats = await self._browse.link.call(
            "session.stats",
            Stats,
            group_by=group,
            tz=local_zone(),
            **self._browse.lister.filter_params("project", "source", "since"),
        )
        if group == self.page.group:
            self.page.stats = stats
            self.page.first_line = 0
            self.page.settle()
