"""Two machines that sync through a server."""

from collections.abc import Mapping

import pytest

from segue.errors import Conflict
from tests.socket.sync.conftest import Machine
from tests.socket.sync.transports.conftest import REMOTE_HUBS
from tests.socket.sync.transports.hubs import S3Hub
from tests.support.sync.hub_content import words_at
from tests.support.system.s3 import CREDENTIALS


@pytest.mark.usefixtures("postgres_network")
async def test_two_machines_share_a_history_and_either_deletes_at_the_hub(
    urls: Mapping[str, str], desk: Machine, lap: Machine
) -> None:
    for url in urls.values():
        invitation = desk.wire.call("sync.init", url=url, name="desk")["invitation"]
        assert ":…@" in desk.sync()["url"]
        lap.wire.call("sync.join", url=url, invitation=invitation, name="lap")
        id = desk.wire.call("session.create", name="shared")["id"]
        first = desk.say(id, "from the deskzz")
        desk.say(id, "keptzz")
        for machine in (desk, lap):
            assert machine.sync()["problems"] == []
        assert lap.texts(id) == ["from the deskzz", "keptzz"]
        assert b"from the deskzz" in await words_at(url, invitation)
        lap.wire.call("message.delete_before", session_id=id, before_id=first + 1)
        lap.say(id, "from the lapzz")
        assert lap.sync()["problems"] == []  # The desk is away, and need not come.
        assert b"from the deskzz" not in await words_at(url, invitation)
        assert desk.sync()["problems"] == []
        assert desk.texts(id) == lap.texts(id) == ["keptzz", "from the lapzz"]
        for machine in (desk, lap):
            machine.wire.call("sync.leave")
            machine.wire.call("session.delete", session_id=id)


@pytest.mark.parametrize("kind", REMOTE_HUBS)
@pytest.mark.usefixtures("postgres_network")
async def test_a_key_is_replaced_at_every_hub(
    kind: str,
    urls: Mapping[str, str],
    s3_hub: S3Hub,
    desk: Machine,
    lap: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    url = s3_hub.url if kind == "s3" else urls[kind]
    old = desk.wire.call("sync.init", url=url, name="desk")["invitation"]
    id = desk.wire.call("session.create", name="shared")["id"]
    desk.say(id, "from the deskzz")
    desk.sync()
    lap.wire.call("sync.join", url=url, invitation=old, name="lap")
    lap.sync()
    lap.say(id, "said meanwhilezz")
    result = desk.wire.call("sync.rekey")
    assert (result["machines"], result["problems"]) == (["lap"], [])
    assert b"from the deskzz" in await words_at(url, result["invitation"])
    assert b"zz" not in await words_at(url, old)
    with pytest.raises(Conflict, match="replaced on desk"):
        lap.sync()
    lap.wire.call("sync.join", url=url, invitation=result["invitation"])
    for machine in (lap, desk):
        assert machine.sync()["problems"] == []
    assert desk.texts(id) == lap.texts(id) == ["from the deskzz", "said meanwhilezz"]
    assert [one["old_key"] for one in desk.wire.call("sync.status")["machines"]] == [False, False]
