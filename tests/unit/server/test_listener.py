"""The listening socket and its path."""

import errno
import os
from pathlib import Path

import pytest

from segue.server.net.listener import bind_listener


def test_a_path_that_cannot_be_removed_is_logged_and_replaced_by_the_next_listener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run" / "s"

    def fail(_: Path, *, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    listener = bind_listener(path)
    with monkeypatch.context() as failing:
        failing.setattr(Path, "unlink", fail)
        listener.close()
    assert path.is_socket()
    assert [record.getMessage() for record in caplog.records] == [f"cannot remove {path}: {os.strerror(errno.EIO)}"]
    bind_listener(path).close()
    assert not path.exists()
