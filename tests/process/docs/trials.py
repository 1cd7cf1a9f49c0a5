"""Generate the tables of what was tried, from the files that `--tried-file` names."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.counters import measurements, read_run, totals

HEAD = ["| run | date | commit | minutes | result |", "|---|---|---|---:|---|"]


def counts(files: Sequence[Path], _: str) -> str:
    """Return one row for each kind of trial, with the counts of one run of all tests."""
    [path] = files
    rows = [f"| {count} | {what} |" for what, count in totals(path).items()]
    return "\n".join(["| count | what |", "|---:|---|", *rows])


def long_runs(files: Sequence[Path], page: str) -> str:
    """Return the table of the long runs as the page has it, with the row of one run replaced or added.

    Raises:
        ValueError: a run has failed or did not end, the runs are of different commits, or a part is missing.
    """
    runs = [read_run(path) for path in files]
    [commit] = {run.commit for run in runs}
    name = _whole([run.options for run in runs])
    counted: Counter[str] = Counter()
    for path in files:
        counted.update(totals(path))
    results = [f"{count} {what}" for what, count in sorted(counted.items())]
    results += [sentence for path in files for sentence in measurements(path)]
    minutes = sum(run.minutes for run in runs)
    row = f"| `{name}` | {max(run.date for run in runs)} | {commit} | {minutes} | {'; '.join(results)} |"
    option = name.partition("=")[0]
    others = [line for line in page.splitlines()[len(HEAD) :] if not line.startswith(f"| `{option}=")]
    return "\n".join([*HEAD, *sorted([*others, row])])


def _whole(options: list[list[str]]) -> str:
    """Return the option that all runs have; the parts of a sweep are together `--sweep=all`."""
    names = {one for given in options for one in given}
    if len(names) == 1 and "/" not in (name := names.pop()):
        return name
    parts = {tuple(map(int, name.removeprefix("--sweep=").split("/"))) for given in options for name in given}
    number = len(parts)
    if parts != {(part, number) for part in range(1, number + 1)}:
        raise ValueError(f"these are not the parts of one run: {sorted(names)}")
    return "--sweep=all"
