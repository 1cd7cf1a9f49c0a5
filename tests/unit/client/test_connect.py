"""Finding and connecting to a socket, without a daemon."""

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
    """Return the path of the socket that try_connect reaches, or None if its backlog is full."""
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


def test_an_explicit_socket_is_the_only_one_tried(paths: Paths, tmp_path: Path, open_sockets: ExitStack) -> None:
    listen(tmp_path / "elsewhere.sock", open_sockets)
    write_record(paths, socket=str(tmp_path / "elsewhere.sock"))
    with pytest.raises(Unreachable) as raised:
        try_connect(paths._replace(socket_explicit=True))
    assert raised.value.path == paths.socket


def test_a_record_of_a_killed_daemon_is_ignored(paths: Paths, open_sockets: ExitStack) -> None:
    with ExitStack() as short:
        listen(paths.socket.with_name("dead.sock"), short)
    listen(paths.socket, open_sockets)
    write_record(paths, socket=str(paths.socket.with_name("dead.sock")))
    assert reached(paths, open_sockets) == str(paths.socket)


def test_a_record_reached_through_a_link_is_accepted(paths: Paths, tmp_path: Path) -> None:
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
def test_a_record_of_another_database_or_form_is_ignored(paths: Paths, text: str) -> None:
    paths.record.write_bytes(text.encode(errors="surrogatepass"))
    paths.record.chmod(0o600)
    assert read_record(paths) is None


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o700])
def test_a_record_that_other_users_can_access_is_ignored(paths: Paths, mode: int) -> None:
    write_record(paths, mode, socket="/x")
    assert read_record(paths) is None


def test_a_record_that_is_not_a_regular_file_is_ignored(paths: Paths, tmp_path: Path) -> None:
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
def test_a_record_of_another_user_is_ignored(paths: Paths) -> None:
    write_record(paths, socket="/x")
    os.chown(paths.record, 12345, 12345)
    assert read_record(paths) is None


def test_a_socket_without_a_listener_raises_unreachable_immediately(tmp_path: Path, open_sockets: ExitStack) -> None:
    with pytest.raises(Unreachable):
        Client.connect(tmp_path / "none.sock", timeout=None)
    with ExitStack() as short:
        listen(tmp_path / "dead.sock", short)
    with pytest.raises(Unreachable):
        Client.connect(tmp_path / "dead.sock", timeout=None)
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable):
        Client.connect(tmp_path / "file", timeout=None)


def test_a_full_backlog_is_not_taken_for_an_absent_daemon(tmp_path: Path, open_sockets: ExitStack) -> None:
    path = tmp_path / "busy.sock"
    listener = listen(path, open_sockets, backlog=0)
    assert reached(path, open_sockets) == str(path)
    assert reached(path, open_sockets) is None
    with pytest.raises(TimedOut):
        Client.connect(path, timeout=0.01)
    open_sockets.enter_context(listener.accept()[0])
    assert reached(path, open_sockets) == str(path)


def test_the_pauses_for_a_full_backlog_are_short_and_end_with_the_timeout() -> None:
    waits = backoff_delays("s.sock", 1.0)
    found: list[float] = []
    with pytest.raises(TimedOut):
        found.extend(iter(lambda: next(waits), None))
    assert 1.0 <= sum(found) < 1.1
    assert max(found) <= 0.05
