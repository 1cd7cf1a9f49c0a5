import pytest

from segue.cli.output import hits
from segue.cli.output.cells import width
from segue.results import SearchHit

HIT = SearchHit(
    message_id=193,
    session_id="2026-11-21-0531-754",
    session_name="The same with a materialized view",
    working_dir=None,
    role="assistant",
    created_at="2026-11-21T14:30:00.000Z",
    snippet="every \ue000order\ue001",
    score=1.0,
    matched=["order"],
)


@pytest.mark.parametrize("columns", [40, 44, 60, 100])
def test_the_heading_of_a_hit_with_its_age_fits_on_one_line(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr(hits, "_columns", lambda: columns)
    monkeypatch.setattr(hits, "ago", lambda _: "35m ago")
    monkeypatch.setattr(hits, "styled", lambda text, **_: text)
    line = hits.heading(HIT, "#193 assistant  ")
    assert width(line) <= columns
    assert line.startswith("#193 assistant  0531-754  ")
    assert line.endswith("  35m ago")
    assert ("The same" in line) == (columns > 40)
