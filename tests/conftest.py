"""Fixtures that all tests share, and the lengths of the long tests."""

import math
import os
import random
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from segue.config import Config
from tests.support.counters import VARIABLE, begin_run, end_run, measurements, totals
from tests.support.inprocess import Server, run_server
from tests.support.process import Segued
from tests.support.wire import Wire

# The same examples in each run, so that a failure can be repeated. A busy machine makes examples slowly; each example
# leaves the fixtures as it found them.
LENIENT = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("segue", derandomize=True, deadline=None, max_examples=100, suppress_health_check=LENIENT)
settings.load_profile("segue")

# A test that needs an automatic start removes the variable.
os.environ["SEGUE_NO_AUTOSTART"] = "1"

# A shell script starts its background jobs with SIGINT ignored, nohup with SIGHUP, and every program of a test would
# inherit that.
for ignored in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.SIG_DFL)


LONG_FOLDERS = (
    "process/browse",
    "process/docs",
    "process/history",
    "process/hostile",
    "process/lifecycle",
    "process/privacy",
    "process/recipes",
    "process/shell",
    "process/storage_faults",
    "process/sync",
    "socket/browse",
    "socket/sync",
)
"""All tests in these folders are marked `long`: they start many programs, or attack the daemon and its disk."""


ALONE = ("process/docs/test_bench.py", "process/hostile", "process/storage_faults", "socket/browse")
"""All tests in these files and folders are marked `alone`, because a test beside them would change what they find: they
measure time or memory, run for a fixed time, fill a disk, or wait for the screen of a program in their own process."""


class Length(NamedTuple):
    """How long one kind of test runs, and with `-m long` once more."""

    value: float
    help: str
    long: float | None = None


LENGTHS = {
    "damaged_pages": Length(100, "pages of the database that are overwritten with junk, one after the other"),
    "kills": Length(100, "kills of the daemon under load"),
    "load_seconds": Length(30.0, "seconds of load in the load test"),
    "model_examples": Length(12, "conversations that the model test compares", long=150),
    "pings": Length(1_000_000, "pings on one connection"),
    "sleep_seconds": Length(2.0, "seconds for which the daemon is stopped like a sleeping machine"),
    "soak_seconds": Length(60.0, "seconds of soak"),
    "sync_minutes": Length(2.0, "minutes in which three machines sync while everything around them breaks"),
    "sync_histories": Length(9, "histories of several machines that sync", long=333),
    "sweep_seconds": Length(120.0, "seconds in which system calls are made to fail"),
}
"""Fixtures with one value, or with a short and a long one. An option of the same name replaces both."""

FIXED_SEED = 7


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, length in LENGTHS.items():
        help = f"{length.help}; default: {length.value:g}"
        parser.addoption(f"--{name.replace('_', '-')}", type=type(length.value), help=help)
    parser.addoption("--model-seed", default="fixed", help="seed of the model test: a number, fixed or random")
    parser.addoption("--sweep", default="sample", help="faults to try: sample, all, PART/PARTS, or CALL:FAULT:NUMBER")
    parser.addoption("--sweep-seed", type=int, default=7, help="seed of the sample of faults")
    parser.addoption("--update-pictures", action="store_true", help="store what the browser looks like now")
    parser.addoption("--soak-minutes", type=float, help="minutes of soak; write a plot of the memory to build/soak.svg")
    parser.addoption("--soak-seed", default="segue", help="seed of the clients of the soak")
    parser.addoption("--sync-seed", type=int, default=0, help="seed of the first history of the sync test")
    parser.addoption("--tried-file", type=Path, help="write the counts of this run to this file, as lines of JSON")


def is_below(path: Path, names: Sequence[str]) -> bool:
    """Return True if a path of tests is one of the names, or below one."""
    return any(path.is_relative_to(Path(__file__).parent / name) for name in names)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the long folders of a run without long tests, because importing their modules takes seconds."""
    return True if config.option.markexpr == "not long" and is_below(collection_path, LONG_FOLDERS) else None


def pytest_itemcollected(item: pytest.Item) -> None:
    if is_below(item.path, LONG_FOLDERS):
        item.add_marker(pytest.mark.long)
    if is_below(item.path, ALONE):
        item.add_marker(pytest.mark.alone)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a length with each of its values, or once with the value that an option gives."""
    for name, length in LENGTHS.items():
        if name in metafunc.fixturenames:
            given = metafunc.config.getoption(f"--{name.replace('_', '-')}")
            if name == "soak_seconds" and (minutes := metafunc.config.getoption("--soak-minutes")):
                given = 60 * minutes
            if name == "sweep_seconds" and metafunc.config.getoption("--sweep") != "sample":
                given = math.inf
            long = [] if length.long is None else [pytest.param(length.long, marks=pytest.mark.long, id=f"long {name}")]
            metafunc.parametrize(name, [length.value, *long] if given is None else [given])


@pytest.fixture
def model_seed(pytestconfig: pytest.Config) -> int:
    """Return a seed for the examples of the model test; a failure prints it."""
    given = str(pytestconfig.getoption("--model-seed"))
    words = {"fixed": FIXED_SEED, "random": random.SystemRandom().randrange(2**32)}
    seed = int(words.get(given, given))
    print(f"--model-seed={seed}")  # noqa: T201
    return seed


def pytest_configure(config: pytest.Config) -> None:
    """Name the file of the counts in the environment, so that worker processes and daemons use the same file."""
    if VARIABLE in os.environ and hasattr(config, "workerinput"):
        return
    kept = config.getoption("--tried-file")
    path = kept.absolute() if kept else Path(mkdtemp(prefix="segue-tried-")) / "tried.jsonl"
    path.write_text("")
    if kept:
        begin_run(path, _lengths(config.invocation_params.args))
    os.environ[VARIABLE] = str(path)
    if kept is None:
        config.add_cleanup(lambda: rmtree(path.parent))


def _lengths(arguments: Sequence[str]) -> list[str]:
    """Return the options among the arguments that set the length of a test, as `--kills=1000`."""
    names = [f"--{name.replace('_', '-')}" for name in (*LENGTHS, "soak_minutes", "sweep")]
    following = zip(arguments, (*arguments[1:], ""), strict=True)
    joined = [f"{one}={after}" if one in names else one for one, after in following]
    return [one for one in joined if one.partition("=")[0] in names]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--tried-file") and not hasattr(session.config, "workerinput"):
        end_run(Path(os.environ[VARIABLE]), passed=exitstatus == pytest.ExitCode.OK)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if counted := totals(Path(os.environ[VARIABLE])):
        terminalreporter.section("what was tried")
        for what, count in counted.items():
            terminalreporter.write_line(f"{count:>9} {what}")
    for sentence in measurements(Path(os.environ[VARIABLE])):
        terminalreporter.write_line(sentence)


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a short name, because the path of a socket may have no more than 107 bytes."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture
def soak_seed(pytestconfig: pytest.Config) -> str:
    """Return the seed of the clients of the soak."""
    return str(pytestconfig.getoption("--soak-seed"))


def pytest_report_header() -> str:
    return f"SQLite {sqlite3.sqlite_version}"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Return the event loop that segued uses."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def config() -> Config:
    """Return the default configuration; a module overrides this fixture to lower a limit."""
    return Config()


@pytest.fixture
def server(tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture) -> Iterator[Server]:
    """Run a server in this process, with a clock that the test sets (`server.clock`)."""
    with run_server(tmp_path, config, caplog) as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Wire:
    """Connect to `server`."""
    return server.connect()


@pytest.fixture
def segued(tmp_path: Path) -> Iterator[Segued]:
    """Return the real program, not yet started. At the end check its log, files and database."""
    segued = Segued(tmp_path)
    try:
        yield segued
    finally:
        segued.finish()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that other users of the machine can reach; they cannot reach `tmp_path`."""
    with TemporaryDirectory(prefix="segue-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
