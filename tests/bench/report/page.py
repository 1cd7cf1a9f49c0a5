"""The results that are committed: `results.json`, and what is made of it, the plot and a part of the README."""

from pathlib import Path

import msgspec

from tests.bench.report.figures import Results
from tests.bench.report.plot import plot
from tests.bench.report.table import compact, wanted
from tests.support.docs import README

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PLOT = HERE / "results.svg"
START = "<!-- speed: made by tests/bench -->\n"
END = "\n<!-- end of speed -->"


def publish(results: Results) -> None:
    """Write all three; SystemExit if the README has no place for it."""
    page = updated(README.read_text(), results)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    PLOT.write_text(plot(results.figures))
    README.write_text(page)


def recall() -> Results:
    """What was published last."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Results)


def updated(text: str, results: Results) -> str:
    """The README with its part on speed made anew between its two marks."""
    before, found, rest = text.partition(START)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise SystemExit("README.md has no place for speed")
    return before + START + part(results) + END + after


def part(results: Results) -> str:
    """When and on what, and the tables."""
    line = f"{results.date}, {results.machine}, by `.venv/bin/{results.command}`."
    absent = [f"Not measured: {', '.join(results.absent)}."] if results.absent else []
    return "\n\n".join([line, compact(results.figures), wanted(results.rows), *absent])
