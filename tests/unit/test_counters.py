"""The counters of trials."""

from pathlib import Path

import pytest

from tests.support.counters import VARIABLE, totals, tried


def test_trials_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tried.jsonl"
    monkeypatch.setenv(VARIABLE, str(path))
    tried("kills", 2)
    tried("faults")
    tried("kills", 3)
    assert totals(path) == {"faults": 1, "kills": 5}


def test_without_a_file_nothing_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    monkeypatch.chdir(tmp_path)
    tried("kills")
    assert not list(tmp_path.iterdir())
