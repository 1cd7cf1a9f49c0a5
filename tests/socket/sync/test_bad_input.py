"""Hubs, machines and keys that cannot be used: an error that says what to do, and nothing half done."""

from pathlib import Path

import pytest

from segue.errors import Conflict, NotFound
from tests.socket.sync.conftest import Machine, Pair


@pytest.mark.parametrize(
    ("hub", "text"),
    [
        ("file", "is not a folder; give a folder or a URL"),
        ("missing/hub", "there is no folder .*missing; create it first"),
        ("desk/data", "holds the database and its key; choose another folder"),
        (".", "holds the database and its key; choose another folder"),
    ],
)
def test_a_folder_that_cannot_be_the_hub_is_refused(tmp_path: Path, desk: Machine, hub: str, text: str) -> None:
    (tmp_path / "file").touch()
    hub = hub.replace("desk/data", str(desk.server.database.parent.relative_to(tmp_path)))
    before = {path for path in tmp_path.rglob("*") if not path.name.startswith("sessions.db")}
    for method, more in (("sync.init", {}), ("sync.join", {"invitation": "segue-1-" + "a" * 60})):
        with pytest.raises(Conflict, match=text if method == "sync.init" else "mistyped") as caught:
            desk.wire.call(method, url=str(tmp_path / hub), **more)
        assert caught.value.data["reason"] == ("hub" if method == "sync.init" else "key")
    assert {path for path in tmp_path.rglob("*") if not path.name.startswith("sessions.db")} == before


def test_every_method_says_that_sync_is_off(desk: Machine) -> None:
    for method in ("run", "status", "invite", "rekey", "leave"):
        with pytest.raises(Conflict, match="sync is off; run segue sync init or segue sync join first"):
            desk.wire.call(f"sync.{method}")
    with pytest.raises(Conflict, match="sync is off"):
        desk.wire.call("sync.forget", machine="lap")


def test_forget_names_the_machines_and_never_takes_one_of_two(pair: Pair) -> None:
    forget = pair.desk.wire.call
    pair.sync()
    with pytest.raises(NotFound, match=r"no machine 'tower'; there are: desk \(here\), lap"):
        forget("sync.forget", machine="tower")
    with pytest.raises(Conflict, match="that is this machine; use segue sync leave"):
        forget("sync.forget", machine="desk")
    pair.lap.wire.call("sync.leave")
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=pair.invitation, name="lap")
    pair.sync()
    with pytest.raises(Conflict, match="several machines are named 'lap'; give one of") as caught:
        forget("sync.forget", machine="lap")
    assert caught.value.data["reason"] == "ambiguous"
    here = next(one["id"] for one in pair.lap.wire.call("sync.status")["machines"] if one["here"])
    old = next(one["id"] for one in forget("sync.status")["machines"] if one["name"] == "lap" and one["id"] != here)
    forget("sync.forget", machine=old)
    forget("sync.forget", machine=old)
    pair.sync()
    assert [one["id"] for one in forget("sync.status")["machines"] if one["forgotten"]] == [old]


def test_a_key_that_is_missing_or_open_to_others_is_an_error_and_leaving_still_works(pair: Pair) -> None:
    key = pair.lap.server.database.with_name("sync.key")
    key.chmod(0o644)
    for method in ("run", "rekey", "invite"):
        with pytest.raises(Conflict, match="chmod 600"):
            pair.lap.wire.call(f"sync.{method}")
    key.unlink()
    for method in ("run", "rekey", "invite"):
        with pytest.raises(Conflict, match="is missing; copy it from a backup") as caught:
            pair.lap.wire.call(f"sync.{method}")
        assert caught.value.data["reason"] == "key"
    with pytest.raises(Conflict, match="is missing"):
        pair.lap.wire.call("sync.leave", erase=True)
    pair.lap.wire.call("sync.leave")
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=pair.invitation)
    assert pair.lap.sync()["problems"] == []


def test_an_account_whose_hub_is_away_is_not_erased_and_not_left(pair: Pair) -> None:
    pair.sync()
    away = pair.hub.rename(pair.hub.with_name("away"))
    with pytest.raises(Conflict, match=r"mount its disk.*sync is still on"):
        pair.lap.wire.call("sync.leave", erase=True)
    away.rename(pair.hub)
    pair.lap.sync()
    pair.lap.wire.call("sync.leave", erase=True)
    assert pair.batches() == []


def test_accepting_deletions_that_there_are_not_changes_nothing(pair: Pair) -> None:
    ids = [pair.desk.wire.call("session.create")["id"] for _ in range(3)]
    pair.sync()
    assert pair.lap.sync(accept_deletions=True)["waiting_deletions"] == 0
    assert sorted(pair.lap.sessions()) == sorted(ids)
