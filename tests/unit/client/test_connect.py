import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from segue.client import Client, TimedOut, Unreachable
from segue.client.connect import backoff_delays, try_connect
from segue.config import Config
from segue.paths import Paths
from segue.runtime.daemon_record import read_record


@pytest.fixture
def open_sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(Config(), tmp_path / "none.toml", tmp_path / "a.db", tmp_path / "default.sock", socket_explicit=False)


def listen(path: Path, stack: ExitStack, backlog: int = 8) -> socket.socket:
    listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    listener.bind(str(path))
    listener.listen(backlog)
    return listener


def reached(paths: Paths | Path, stack: ExitStack) -> Any:
    """The path of the socket that an try_connect leads to, None if it is busy."""
    found = try_connect(paths)
    return None if found is None else stack.enter_context(found).getpeername()


def write_record(paths: Paths, mode: int = 0o600, **members: Any) -> None:
    paths.record.write_text(json.dumps(members))
    paths.record.chmod(mode)


def test_without_a_record_the_default_socket_is_tried(paths: Paths, open_sockets: ExitStack) -> None:
    listen(paths.socket, open_sockets)
    assert reached(paths, open_sockets) == str(paths.socket)


def test_the_record_beside_the_database_leads_to_a_daemon_of_another_environment(
    paths: Paths, tmp_path: Path, open_sockets: ExitStack
) -> None:
    listen(tmp_path / "elsewhere.sock", open_sockets)
    listen(paths.socket, open_sockets)
    write_record(paths, socket=str(tmp_path / "elsewhere.sock"), database=str(paths.database))
    assert reached(paths, open_sockets) == str(tmp_path / "elsewhere.sock")


def test_a_socket_that_was_named_is_the_only_one_tried(paths: Paths, tmp_path: Path, open_sockets: ExitStack) -> None:
    listen(tmp_path / "elsewhere.sock", open_sockets)
    write_record(paths, socket=str(tmp_path / "elsewhere.sock"))
    with pytest.raises(Unreachable) as raised:
        try_connect(paths._replace(socket_explicit=True))
    assert raised.value.path == paths.socket


def test_a_record_that_a_killed_daemon_left_is_passed_over(paths: Paths, open_sockets: ExitStack) -> None:
    with ExitStack() as short:
        listen(paths.socket.with_name("dead.sock"), short)
    listen(paths.socket, open_sockets)
    write_record(paths, socket=str(paths.socket.with_name("dead.sock")))
    assert reached(paths, open_sockets) == str(paths.socket)


def test_a_record_reached_by_another_name_of_its_directory_is_ours(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    write_record(paths, socket="/x", database=str(tmp_path / "link" / "a.db"))
    assert read_record(paths) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "\ud800",
        "[" * 60_000,
        '{"socket": 1}',
        '{"socket": "relative"}',
        '{"socket": "/a\\u0000"}',
        '{"socket": "/x", "database": "/another.db"}',
        '{"socket": "/x", "database": "/a\\u0000"}',
    ],
)
def test_a_record_that_says_nothing_of_our_database_is_absent(paths: Paths, text: str) -> None:
    paths.record.write_bytes(text.encode(errors="surrogatepass"))
    paths.record.chmod(0o600)
    assert read_record(paths) is None


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o700])
def test_a_record_that_others_may_write_or_read_is_absent(paths: Paths, mode: int) -> None:
    write_record(paths, mode, socket="/x")
    assert read_record(paths) is None


def test_a_record_that_is_a_link_a_directory_or_a_pipe_is_absent(paths: Paths, tmp_path: Path) -> None:
    write_record(paths, socket="/x")
    paths.record.rename(tmp_path / "real")
    paths.record.symlink_to(tmp_path / "real")
    assert read_record(paths) is None
    paths.record.unlink()
    paths.record.mkdir(0o600)
    assert read_record(paths) is None
    paths.record.rmdir()
    os.mkfifo(paths.record, 0o600)
    assert read_record(paths) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_record_of_somebody_else_is_absent(paths: Paths) -> None:
    write_record(paths, socket="/x")
    os.chown(paths.record, 12345, 12345)
    assert read_record(paths) is None


def test_nobody_at_the_socket_is_told_at_once(tmp_path: Path, open_sockets: ExitStack) -> None:
    with pytest.raises(Unreachable):
        Client.connect(tmp_path / "none.sock", timeout=None)
    with ExitStack() as short:
        listen(tmp_path / "dead.sock", short)
    with pytest.raises(Unreachable):
        Client.connect(tmp_path / "dead.sock", timeout=None)
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable):
        Client.connect(tmp_path / "file", timeout=None)


def test_a_daemon_with_a_full_backlog_is_busy_and_not_dead(tmp_path: Path, open_sockets: ExitStack) -> None:
    path = tmp_path / "busy.sock"
    listener = listen(path, open_sockets, backlog=0)
    assert reached(path, open_sockets) == str(path)
    assert reached(path, open_sockets) is None
    with pytest.raises(TimedOut):
        Client.connect(path, timeout=0.01)
    open_sockets.enter_context(listener.accept()[0])
    assert reached(path, open_sockets) == str(path)


def test_the_pauses_of_a_busy_daemon_are_short_and_end_with_the_timeout() -> None:
    waits = backoff_delays("s.sock", 1.0)
    found: list[float] = []
    with pytest.raises(TimedOut):
        found.extend(iter(lambda: next(waits), None))
    assert 1.0 <= sum(found) < 1.1
    assert max(found) <= 0.05
