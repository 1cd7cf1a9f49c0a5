"""What sync promises about a hub that is read, changed, shared, away or empty, each promise in one test."""

import shutil
from pathlib import Path

import pytest

from segue.errors import Conflict
from tests.socket.sync.conftest import Machine, Pair


def test_the_hub_holds_no_word_name_or_directory(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="secretname", working_dir="/srv/secretdir", system_prompt="secretp")
    pair.desk.say(id["id"], "secretword")
    pair.desk.wire.call("memory.save", bot_id="default", fact="secretfact", category="fact", importance=3)
    pair.sync()
    names = " ".join(str(path) for path in pair.hub.rglob("*"))
    data = b"".join(path.read_bytes() for path in pair.batches())
    for word in ("secretname", "secretdir", "secretp", "secretword", "secretfact", "desk", "lap", "segue-1-"):
        assert word.encode() not in data
        assert word not in names.removeprefix(str(pair.hub))


@pytest.mark.parametrize("how", ["flipped", "swapped", "replayed", "truncated"])
def test_a_batch_that_the_hub_changes_is_refused_and_reported(pair: Pair, how: str) -> None:
    id = pair.desk.wire.call("session.create", name="one")["id"]
    for number in range(2):
        pair.desk.say(id, f"text {number}")
        pair.desk.sync()
    desk = next(one["id"] for one in pair.desk.wire.call("sync.status")["machines"] if one["here"])
    first, second = [path for path in pair.batches() if path.parent.name == desk][-2:]
    changed = bytearray(second.read_bytes())
    if how == "flipped":
        changed[-1] ^= 1
    elif how == "truncated":
        changed = changed[:-5]
        changed[12:20] = (len(changed) - 36).to_bytes(8, "big")
    elif how == "swapped":
        changed = bytearray(first.read_bytes())
    else:
        second.with_name(f"{int(second.name) + 1:010d}").write_bytes(changed)
    second.write_bytes(changed)
    [problem] = pair.lap.sync()["problems"]
    assert "desk is refused" in problem
    assert pair.lap.texts(id) == (["text 0", "text 1"] if how == "replayed" else ["text 0"])
    assert pair.lap.wire.call("sync.status")["problems"] == [problem]


def test_a_wrong_key_cannot_join_and_changes_nothing(pair: Pair, tmp_path: Path, desk: Machine) -> None:
    before = {path: path.read_bytes() for path in pair.batches()}
    pair.lap.wire.call("sync.leave")
    other = tmp_path / "other"
    wrong = pair.lap.wire.call("sync.init", url=str(other))["invitation"]
    pair.lap.wire.call("sync.leave")
    with pytest.raises(Conflict, match="no machine wrote") as caught:
        pair.lap.wire.call("sync.join", url=str(pair.hub), invitation=wrong)
    assert caught.value.data["reason"] == "account"
    assert {path: path.read_bytes() for path in pair.batches()} == before
    assert list(pair.hub.iterdir()) == [pair.batches()[0].parents[1]]


def test_another_account_at_the_same_hub_learns_nothing(pair: Pair, tmp_path: Path) -> None:
    id = pair.desk.wire.call("session.create", name="one")["id"]
    pair.desk.say(id, "text")
    pair.lap.wire.call("sync.leave")
    pair.lap.wire.call("session.delete", session_id=id) if id in pair.lap.sessions() else None
    pair.lap.wire.call("sync.init", url=str(pair.hub))
    pair.desk.sync()
    assert pair.lap.sync()["problems"] == []
    assert id not in pair.lap.sessions()
    assert [one["here"] for one in pair.lap.wire.call("sync.status")["machines"]] == [True]


def test_a_hub_that_is_away_costs_one_batch(pair: Pair) -> None:
    away = pair.hub.rename(pair.hub.with_name("away"))
    for number in range(5):
        id = pair.desk.wire.call("session.create")["id"]
        pair.desk.say(id, f"said offline {number}")
        with pytest.raises(Conflict, match="mount its disk") as caught:
            pair.desk.sync()
        assert caught.value.data["reason"] == "hub"
    status = pair.desk.wire.call("sync.status")
    assert status["unsent_messages"] == 5
    assert "mount its disk" in status["error"]
    away.rename(pair.hub)
    pair.sync()
    assert len(pair.lap.sessions()) == 5
    assert pair.desk.wire.call("sync.status")["unsent_messages"] == 0


def test_a_hub_that_lost_everything_gets_everything_again(pair: Pair) -> None:
    id = pair.desk.wire.call("session.create", name="kept")["id"]
    pair.desk.say(id, "text")
    pair.sync()
    shutil.rmtree(pair.hub)
    pair.hub.mkdir()
    pair.sync()
    assert b"text" in pair.words_at_hub()
    pair.desk.say(id, "more")
    pair.sync()
    assert pair.lap.texts(id) == ["text", "more"]
