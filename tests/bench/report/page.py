"""The published results: `results.json`, the plot, and the tables in the manual's page on performance."""

from pathlib import Path

import msgspec

from segue.manual import FOLDER, topic_path
from tests.bench.report.figures import Results
from tests.bench.report.plot import plot
from tests.bench.report.table import compact, wanted
from tests.support.docs import replaced

RESULTS = Path(__file__).parent / "results.json"
PAGE = topic_path("performance")
PLOT = FOLDER / "pictures" / "throughput.svg"


def publish(results: Results) -> None:
    """Write all three."""
    page = updated(PAGE.read_text(), results)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    PLOT.write_text(plot(results.figures))
    PAGE.write_text(page)


def recall() -> Results:
    """Return the results that were published last."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Results)


def updated(text: str, results: Results) -> str:
    """Return the page with new tables; SystemExit if it has no place for them."""
    return replaced(text, "speed", part(results))


def part(results: Results) -> str:
    """Return the date, the machine and the tables."""
    line = f"{results.date}, {results.machine}, by `.venv/bin/{results.command}`."
    absent = [f"Not measured: {', '.join(results.absent)}."] if results.absent else []
    return "\n\n".join([line, compact(results.figures), wanted(results.rows), *absent])
