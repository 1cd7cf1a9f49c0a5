"""Appends of every system, and the targets for segue."""

from tests.bench.peers.disk import Disk
from tests.bench.peers.postgres import Postgres
from tests.bench.peers.redis import Redis
from tests.bench.peers.segue import Segue
from tests.bench.peers.sqlite import Sqlite
from tests.bench.report.figures import Figures, Row, below, beyond, within
from tests.bench.sides import Side

OURS = Segue.name
KEPT_OPEN = Sqlite(reopen=False)
SIDES: list[Side] = [Segue(), KEPT_OPEN, Sqlite(reopen=True), Postgres(), Redis()]


def rows(figures: list[Figures]) -> list[Row]:
    """Return the rows with the targets for appends."""
    found: list[Row] = []
    by_name = {(one.system, one.clients): one for one in figures}
    most = max(one.clients for one in figures)
    ours = None if most == 1 else by_name.get((OURS, most))
    if ours and (theirs := by_name.get((Postgres.name, most))):
        what = f"append, {most} clients"
        found.append(beyond(what, ours.per_second, theirs.system, theirs.per_second, "/s", 1.15, ours.spread))
        found += _against_cpu(ours, theirs)
    if (some := by_name.get((OURS, 8))) and (theirs := by_name.get((Postgres.name, 8))):
        found.append(
            beyond("append, 8 clients", some.per_second, theirs.system, theirs.per_second, "/s", 0.7, some.spread)
        )
    if ours and (theirs := by_name.get((KEPT_OPEN.name, most))):
        found += _against_sqlite(ours, theirs)
    if (ours := by_name.get((OURS, 1))) and (theirs := by_name.get((KEPT_OPEN.name, 1))):
        what = "append, 1 client, p50 against one commit in process"
        found.append(within(what, ours.p50, "sqlite3", theirs.p50, "ms", 2.8, ours.spread))
    if ours and (theirs := by_name.get((Disk.name, 1))):
        what = "append, 1 client, p50 against the disk alone"
        found.append(Row(what, ours.p50, theirs.system, theirs.p50, "ms", spread=ours.spread))
    return found


def _against_cpu(ours: Figures, theirs: Figures) -> list[Row]:
    if ours.microseconds_each is None or theirs.microseconds_each is None:
        return []
    what = f"CPU of the server an append, {ours.clients} clients"
    return [
        below(what, ours.microseconds_each, theirs.system, theirs.microseconds_each, "µs", 55, ours.spread),
        within(what, ours.microseconds_each, theirs.system, theirs.microseconds_each, "µs", 1, ours.spread),
    ]


def _against_sqlite(ours: Figures, theirs: Figures) -> list[Row]:
    what = f"append, {ours.clients} clients"
    return [
        beyond(what, ours.per_second, theirs.system, theirs.per_second, "/s", 2.6, ours.spread),
        within(f"{what}, p99", ours.p99, theirs.system, theirs.p99, "ms", 1 / 20, ours.spread),
        within(f"{what}, longest", ours.longest, theirs.system, theirs.longest, "ms", 1 / 20, ours.spread),
    ]
