"""Two machines that sync through PostgreSQL."""

from collections.abc import Mapping

import pytest

from segue.store.sync.wire import encode
from segue.sync.keys import parse_line
from segue.sync.sealing import open_batch
from segue.sync.transports.hub import open_hub
from tests.socket.sync.conftest import Machine


async def words_at(url: str, invitation: str) -> bytes:
    """Return the plain content of everything at the hub."""
    key = parse_line(invitation)
    transport = open_hub(url, key, ())
    found = b""
    for machine in await transport.heads():
        async for batch in transport.pull(machine, 0):
            found += encode(open_batch(key, batch))
    await transport.close()
    return found


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
