"""The file is removed or replaced under the living daemon: it notices, says so, and acknowledges nothing more."""

from pathlib import Path

import pytest

from segue.errors import StorageError
from segue.server import daemon
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import Wire


def refused(wire: Wire) -> bool:
    try:
        wire.call("session.create")
    except StorageError as error:
        return error.data == {"reason": "io"}
    return False


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_database_that_is_removed_takes_no_more_writes_and_says_so(segued: Segued, suffix: str) -> None:
    segued.start()
    wire = segued.connect()
    wire.call("session.create", id="before")
    file = Path(f"{segued.database}{suffix}")
    file.rename(segued.folder / "gone")
    wait_until(lambda: refused(wire), seconds=daemon.SELF_CHECK_SECONDS + 15)
    check = wire.call("daemon.check")
    assert (check["ok"], str(file) in check["problems"][0]) == (False, True)
    assert wire.call("session.get", session_id="before")["id"] == "before"
    segued.allowed_errors += ["removed or replaced", "indexing failed"]
    (segued.folder / "gone").rename(file)


def test_a_check_notices_at_once(segued: Segued) -> None:
    segued.start()
    segued.database.rename(segued.folder / "gone")
    wire = segued.connect()
    assert wire.call("daemon.check")["ok"] is False
    assert refused(wire)
    segued.allowed_errors += ["removed or replaced", "indexing failed"]
    (segued.folder / "gone").rename(segued.database)
