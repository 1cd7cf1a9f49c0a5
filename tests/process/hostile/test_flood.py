"""A client that floods the daemon, and another client beside it."""

import statistics
import subprocess
import sys
from pathlib import Path

from tests.support.counters import measured, tried
from tests.support.deadline import wait_until
from tests.support.hostile import flood
from tests.support.hostile.attack import Attack
from tests.support.wire import TIMEOUT_SECONDS

CALLS = 500


def percentiles(seconds: list[float]) -> str:
    """Return the median and the 99th percentile of the call times."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms"


def polite_calls(attack: Attack) -> str:
    attack.polite.seconds.clear()
    for _ in range(CALLS):
        attack.polite.append()
    return percentiles(attack.polite.seconds)


def test_another_client_is_answered_during_a_flood(attack: Attack) -> None:
    wire = attack.polite.wire
    wire.call("session.create", id="flood")
    alone = polite_calls(attack)
    before = wire.call("daemon.status")["requests"]
    process = subprocess.Popen(
        [sys.executable, "-I", str(Path(flood.__file__)), str(attack.segued.socket)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: wire.call("daemon.status")["requests"] > before + 4 * flood.PIPELINED * flood.CONNECTIONS)
        beside = polite_calls(attack)
        during = wire.call("daemon.status")["requests"] - before - CALLS
        assert process.poll() is None
        answers = int(process.communicate("", timeout=TIMEOUT_SECONDS)[0])
    finally:
        process.kill()
        process.communicate()
    assert answers >= during / 2 > CALLS
    assert wire.call("message.count", session_id="flood")["count"] == answers / 4
    tried("lines of a flood beside a polite client", answers)
    measured(f"polite appends: {alone} alone; {beside} beside a flood of {answers} lines")
