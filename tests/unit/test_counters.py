"""The counters of trials."""

from pathlib import Path

import pytest

from tests.process.docs.trials import HEAD, long_runs
from tests.support.counters import VARIABLE, begin_run, end_run, measured, totals, tried


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


def run_of(path: Path, option: str, count: int, *, passed: bool = True) -> Path:
    begin_run(path, [option])
    tried("faults", count)
    measured("42 MiB")
    end_run(path, passed=passed)
    return path


def test_a_long_run_is_one_row_which_a_later_run_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "\n".join([*HEAD, "| `--kills=10` | 2026-11-21 | abc | 1 | 10 kills |", "| `--sweep=all` | old | | | |"])
    files = []
    for part in (2, 1):
        monkeypatch.setenv(VARIABLE, str(tmp_path / f"{part}"))
        files.append(run_of(tmp_path / f"{part}", f"--sweep={part}/2", part))
    rows = long_runs(files, page).splitlines()
    assert rows[:3] == page.splitlines()[:3]
    assert rows[3].startswith("| `--sweep=all` | 20")
    assert rows[3].endswith(" | 0 | 3 faults; 42 MiB; 42 MiB |")
    assert len(rows) == 4
    with pytest.raises(ValueError, match="not the parts of one run"):
        long_runs(files[:1], page)
    run_of(files[0], "--sweep=all", 1, passed=False)
    with pytest.raises(ValueError, match="failed or did not end"):
        long_runs(files[:1], page)
