"""Every test of forks is run with both ways of copying."""

import pytest

from segue.store.records import forks


@pytest.fixture(autouse=True, params=["in one transaction", "in slices"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run every test with both ways of copying."""
    if request.param == "in slices":
        monkeypatch.setattr(forks, "SHORT_MESSAGES", -1)
        monkeypatch.setattr(forks, "SLICE_MESSAGES", 2)
    return str(request.param)
