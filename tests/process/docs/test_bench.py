"""The benchmark runs. Its figures are not compared, because they depend on the machine."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.bench.__main__ import arguments
from tests.bench.load import Job, run
from tests.bench.parts import append
from tests.bench.report.figures import Load
from tests.support.process import Segued

RUN_SECONDS = 240
ROOT = Path(__file__).parents[3]


def test_the_whole_bench_runs() -> None:
    command = [sys.executable, "-m", "tests.bench", "--seconds", "0.05", "--rounds", "1", "--clients", "1", "2"]
    command += ["--idle-seconds", "0.05", "--starts", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for side in append.SIDES:
        reason = side.missing()
        shown = [f"{side.name}: {reason}"] if reason else [f"1 × {side.name} ", f"2 × {side.name} "]
        assert all(line in done.stdout for line in shown), done.stdout
    for what in ("ping, p50", "messages read", "in one append_many", "start to first answer", "idle memory (RSS)"):
        assert what in done.stdout


def test_a_peer_that_is_not_installed_is_reported_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    [redis] = [side for side in append.SIDES if side.name == "Redis"]
    assert redis.missing() == "not installed (redis-server)"


def test_the_generator_stops_at_the_first_answer_that_is_not_a_good_one(segued: Segued) -> None:
    segued.start()
    bad = b'{"jsonrpc":"2.0","id":1,"method":"message.get","params":[1]}\n'
    with pytest.raises(RuntimeError, match=r"a bad answer.*not_found"):
        run(Job(str(segued.socket), [[bad]], b"\n", b'{"jsonrpc":"2.0","result":', seconds=0.05))


def test_the_generator_reports_each_client_and_its_own_cpu(segued: Segued) -> None:
    segued.start()
    ping = b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n'
    found = run(Job(str(segued.socket), [[ping], [ping]], b"\n", b"{", pid=segued.pid, seconds=0.05))
    assert len(found.milliseconds) == 2
    assert found.answered <= sum(map(len, found.milliseconds)) <= found.answered + 2
    assert found.seconds >= 0.05
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Load) == found


def test_only_a_whole_run_is_published(capsys: pytest.CaptureFixture[str]) -> None:
    for part in (["--only", "ping"], ["--without", "redis"]):
        with pytest.raises(SystemExit):
            arguments(["--readme", *part])
        assert "needs all parts" in capsys.readouterr().err
