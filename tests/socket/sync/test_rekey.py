"""A key that is replaced: what the machine that does it, the others, and someone with the old key see."""

import shutil
from pathlib import Path

import pytest

from segue.errors import Conflict
from segue.store.sync.wire import encode
from segue.sync.keys import parse_line
from segue.sync.sealing import Refused, open_batch
from segue.sync.transports.transport import Batch
from tests.socket.sync.conftest import HEADER_BYTES, Machine, Pair

MARK = "0" * 32


def folder_of(pair: Pair, invitation: str) -> Path:
    return pair.hub / parse_line(invitation).account


def words_at(pair: Pair, invitation: str) -> bytes:
    """Return the plain content of the account of an invitation."""
    key = parse_line(invitation)
    files = [(path, path.read_bytes()[HEADER_BYTES:]) for path in folder_of(pair, invitation).glob("*/??????????")]
    return b"".join(encode(open_batch(key, Batch(path.parent.name, int(path.name), b"", body))) for path, body in files)


def rekey(machine: Machine) -> str:
    result = machine.wire.call("sync.rekey")
    assert result["problems"] == []
    return str(result["invitation"])


def test_the_other_machine_stops_says_how_to_join_again_and_loses_nothing(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="shared")["id"]
    pair.desk.say(id, "before")
    pair.sync()
    pair.lap.say(id, "said offline")
    result = pair.desk.wire.call("sync.rekey")
    assert result["machines"] == ["lap"]
    pair.desk.say(id, "after")
    assert pair.desk.sync()["problems"] == []
    for _ in range(2):
        with pytest.raises(
            Conflict, match=r"replaced on desk at .* segue sync invite there.* segue sync join"
        ) as caught:
            pair.lap.sync()
        assert caught.value.data["reason"] == "rekeyed"
    with pytest.raises(Conflict, match="replaced on desk"):
        pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=pair.invitation)
    assert "replaced on desk" in pair.lap.wire.call("sync.status")["error"]
    assert pair.lap.texts(id) == ["before", "said offline"]
    assert pair.desk.wire.call("sync.invite")["invitation"] == result["invitation"]
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=result["invitation"])
    for machine in (pair.lap, pair.desk, pair.lap):
        assert machine.sync()["problems"] == []
    assert pair.desk.texts(id) == pair.lap.texts(id)
    assert sorted(pair.lap.texts(id)) == ["after", "before", "said offline"]
    for machine in (pair.desk, pair.lap):
        status = machine.wire.call("sync.status")
        assert [one["old_key"] for one in status["machines"]] == [False, False]
        assert status["unsent_messages"] == 0
        assert len(status["machines"]) == 2
        assert not machine.server.database.with_name("sync.rekey").exists()


def test_the_old_key_opens_nothing_at_the_hub(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="shared")["id"]
    pair.desk.say(id, "before")
    pair.sync()
    new = rekey(pair.desk)
    pair.desk.say(id, "after")
    pair.desk.sync()
    [mark] = folder_of(pair, pair.invitation).glob("*/*")
    assert mark.parent.name == MARK
    files = [*folder_of(pair, new).glob("*/*")]
    assert len(files) > 2
    for path in files:
        batch = Batch(path.parent.name, int(path.name), b"", path.read_bytes()[HEADER_BYTES:])
        open_batch(parse_line(new), batch)
        with pytest.raises(Refused):
            open_batch(parse_line(pair.invitation), batch)


def test_the_old_invitation_joins_nothing(pair: Pair) -> None:
    pair.sync()
    rekey(pair.desk)
    pair.lap.wire.call("sync.leave")
    with pytest.raises(Conflict, match="replaced on desk") as caught:
        pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=pair.invitation)
    assert caught.value.data["reason"] == "rekeyed"
    assert not pair.lap.server.database.with_name("sync.key").exists()


def test_a_machine_that_fills_the_old_account_again_is_stopped_all_the_same(pair: Pair, tmp_path: Path) -> None:
    id = pair.desk.wire.call("session.create", name="shared")["id"]
    pair.desk.say(id, "before")
    pair.sync()
    new = rekey(pair.desk)
    # A carrier of folders brings the deletions before the mark.
    old = folder_of(pair, pair.invitation)
    shutil.move(old / MARK, tmp_path / "mark")
    pair.lap.say(id, "of the lap")
    assert pair.lap.sync()["problems"] == []
    assert len([*old.glob("*/*")]) > 1
    shutil.move(tmp_path / "mark", old / MARK)
    pair.desk.sync()
    assert [path.parent.name for path in old.glob("*/*")] == [MARK]
    with pytest.raises(Conflict, match="replaced on desk"):
        pair.lap.sync()
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=new)
    pair.lap.sync()
    pair.desk.sync()
    assert pair.desk.texts(id) == pair.lap.texts(id) == ["before", "of the lap"]


def test_what_was_deleted_while_the_history_was_copied_is_gone_from_the_copy(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="shared")["id"]
    first = pair.lap.wire.call("session.create", name="of the lap")["id"]
    pair.lap.say(first, "deletedword")
    pair.desk.say(id, "kept")
    pair.sync()
    old = folder_of(pair, pair.invitation)
    new = rekey(pair.desk)
    assert b"deletedword" in words_at(pair, new)
    pair.lap.wire.call("session.delete", session_id=first)
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=new)
    pair.lap.sync()
    pair.desk.sync()
    assert old.exists()
    assert b"deletedword" not in words_at(pair, new)


def test_a_key_can_be_replaced_again_before_the_others_followed(pair: Pair) -> None:
    id = pair.lap.wire.call("session.create", name="shared")["id"]
    pair.lap.say(id, "text")
    pair.sync()
    second = rekey(pair.desk)
    third = rekey(pair.desk)
    with pytest.raises(Conflict, match="replaced on desk"):
        pair.lap.sync()
    with pytest.raises(Conflict, match="replaced on desk"):
        pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=second)
    pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=third)
    pair.lap.say(id, "more")
    assert pair.lap.sync()["problems"] == pair.desk.sync()["problems"] == []
    assert pair.desk.texts(id) == ["text", "more"]
    assert rekey(pair.lap) != third


def test_a_machine_that_met_no_other_one_joins_again_too(desk: Machine, lap: Machine, tmp_path: Path) -> None:
    hub = str(tmp_path / "hub")
    old = desk.wire.call("sync.init", url=hub, name="desk")["invitation"]
    desk.sync()
    lap.wire.call("sync.join", url=hub, invitation=old, name="lap")
    new = rekey(desk)
    with pytest.raises(Conflict, match="replaced on desk"):
        lap.sync()
    lap.wire.call("sync.join", url=hub, invitation=new)
    id = lap.wire.call("session.create", name="of the lap")["id"]
    lap.say(id, "text")
    for machine in (lap, desk):
        assert machine.sync()["problems"] == []
    assert desk.texts(id) == ["text"]


def test_a_machine_that_syncs_joins_no_other_history_and_its_own_only_once(pair: Pair, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="has the key of this invitation already"):
        pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=pair.invitation)
    pair.desk.wire.call("sync.leave")
    other = pair.desk.wire.call("sync.init", url=str(tmp_path / "other"))["invitation"]
    pair.desk.sync()
    with pytest.raises(Conflict, match="sync is on already; run segue sync leave first"):
        pair.lap.wire.call("sync.join", url=str(tmp_path / "other"), invitation=other)
    assert pair.lap.wire.call("sync.status")["error"] is None
    assert pair.lap.sync()["problems"] == []
    assert pair.lap.wire.call("sync.invite")["invitation"] == pair.invitation


def test_a_hub_that_is_away_or_has_a_bad_batch_leaves_the_key_as_it_was(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="shared")["id"]
    pair.desk.say(id, "text")
    pair.sync()
    pair.lap.say(id, "second batch")
    pair.sync()
    away = pair.hub.rename(pair.hub.with_name("away"))
    with pytest.raises(Conflict, match="mount its disk"):
        pair.desk.wire.call("sync.rekey")
    away.rename(pair.hub)
    lap = next(one["id"] for one in pair.lap.wire.call("sync.status")["machines"] if one["here"])
    first = folder_of(pair, pair.invitation) / lap / "0000000001"
    kept = first.read_bytes()
    first.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(Conflict, match=r"batch 1 of lap cannot be sealed again: it was changed"):
        pair.desk.wire.call("sync.rekey")
    first.unlink()
    with pytest.raises(Conflict, match=r"batch 1 of lap did not arrive yet.*segue sync forget lap"):
        pair.desk.wire.call("sync.rekey")
    first.write_bytes(kept)
    assert [path.name for path in pair.hub.iterdir()] == [parse_line(pair.invitation).account]
    assert pair.desk.wire.call("sync.invite")["invitation"] == pair.invitation
    pair.sync()


def test_leaving_leaves_no_key_and_the_mark_stays_for_the_others(pair: Pair) -> None:
    pair.sync()
    rekey(pair.desk)
    pair.desk.wire.call("sync.leave", erase=True)
    assert [path.name for path in pair.desk.server.database.parent.glob("sync.*")] == []
    with pytest.raises(Conflict, match="replaced on desk"):
        pair.lap.sync()
    pair.lap.wire.call("sync.leave", erase=True)
    assert [path.parent.name for path in pair.hub.glob("*/*/*")] == [MARK]
