"""Fixtures that every height of test shares; each is named after what it is."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from hypothesis import settings

from segue.config import Config
from tests.support.counters import VARIABLE, measurements, totals
from tests.support.inprocess import Server, run_server
from tests.support.process import Segued
from tests.support.wire import Wire

# The same examples each time, none hurried: a failure is one that anybody can see again.
settings.register_profile("segue", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("segue")

# Where a test means a daemon to be started, it says so.
os.environ["SEGUE_NO_AUTOSTART"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--load-seconds", type=float, default=30, help="how long the load test puts load on segued")
    parser.addoption("--pings", type=int, default=1_000_000, help="how many pings one connection is flooded with")
    parser.addoption("--sweep", default="sample", help="which faults to try: sample, all, or one as CALL:FAULT:NUMBER")
    parser.addoption("--sweep-seed", type=int, default=7, help="what the sample of faults is drawn by")
    parser.addoption("--sweep-seconds", type=float, default=45, help="how long to try faults of the sample")
    parser.addoption("--sleep-seconds", type=float, default=1, help="how long the daemon is stopped like a sleeper")
    parser.addoption("--soak-seconds", type=float, default=60, help="how long the soak goes on")
    parser.addoption("--soak-seed", default="segue", help="what the soak's dice are thrown by")
    parser.addoption("--tried-file", type=Path, help="keep what was tried in this file, as lines of JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Count what is tried, also in the processes that tests start and in those among which tests are shared out."""
    if VARIABLE in os.environ and hasattr(config, "workerinput"):
        return
    kept = config.getoption("--tried-file")
    path = kept.absolute() if kept else Path(mkdtemp(prefix="segue-tried-")) / "tried.jsonl"
    path.write_text("")
    os.environ[VARIABLE] = str(path)
    if kept is None:
        config.add_cleanup(lambda: rmtree(path.parent))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if counted := totals(Path(os.environ[VARIABLE])):
        terminalreporter.section("what was tried")
        for what, count in counted.items():
            terminalreporter.write_line(f"{count:>9} {what}")
    for sentence in measurements(Path(os.environ[VARIABLE])):
        terminalreporter.write_line(sentence)


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the test's own with a short name: a socket's path may have no more than 107 bytes."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture
def soak_seconds(pytestconfig: pytest.Config) -> float:
    """How long to soak the daemon."""
    return float(pytestconfig.getoption("--soak-seconds"))


@pytest.fixture
def soak_seed(pytestconfig: pytest.Config) -> str:
    """What the dice of the soak's clients begin with."""
    return str(pytestconfig.getoption("--soak-seed"))


@pytest.fixture
def sleep_seconds(pytestconfig: pytest.Config) -> float:
    """How long the daemon is stopped by SIGSTOP."""
    return float(pytestconfig.getoption("--sleep-seconds"))


@pytest.fixture
def pings(pytestconfig: pytest.Config) -> int:
    """How many pings to send on one connection."""
    return int(pytestconfig.getoption("--pings"))


@pytest.fixture
def load_seconds(pytestconfig: pytest.Config) -> float:
    """How long to put load on the daemon."""
    return float(pytestconfig.getoption("--load-seconds"))


def pytest_report_header() -> str:
    return f"SQLite {sqlite3.sqlite_version}"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that segued runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def config() -> Config:
    """The defaults; a module overrides this fixture to turn a limit down."""
    return Config()


@pytest.fixture
def server(tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture) -> Iterator[Server]:
    """A server in this process, with a clock moved by hand (`server.clock`)."""
    with run_server(tmp_path, config, caplog) as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Wire:
    """A connection to `server`."""
    return server.connect()


@pytest.fixture
def segued(tmp_path: Path) -> Iterator[Segued]:
    """The real program, not yet started; looked over when the test is done."""
    segued = Segued(tmp_path)
    try:
        yield segued
    finally:
        segued.finish()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users of the machine can reach, as they cannot reach `tmp_path`."""
    with TemporaryDirectory(prefix="segue-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
