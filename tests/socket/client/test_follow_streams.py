"""Messages that are being streamed, as a follower sees them."""

import threading
from collections.abc import Iterator
from itertools import islice

import pytest

from segue.api import message, session
from segue.client import Client, ConnectionLost
from segue.client.follow import FollowedMessage
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.paths, autostart=False) as client:
        client.call(session.create, id="s")
        client.call(message.append, session_id="s", role="user", content="before")
        yield client


def begin(client: Client, *texts: str, key: str | None = None) -> int:
    id = client.call(message.begin, session_id="s", role="assistant", key=key).message_id
    for text in texts:
        client.call(message.delta, message_id=id, text=text)
    return id


def states(found: list[FollowedMessage]) -> list[tuple[int, str, str]]:
    return [(followed.message.id, followed.message.state, followed.message.content) for followed in found]


class Follower:
    """A follower on a thread of its own that takes a number of messages."""

    def __init__(self, server: Server, count: int, *, live: bool, after_id: int = 1) -> None:
        self.found: list[FollowedMessage] = []
        self._client = Client.connect(server.paths, autostart=False)
        self._thread = threading.Thread(target=self._run, args=(count, live, after_id))
        self._thread.start()

    def _run(self, count: int, live: bool, after_id: int) -> None:
        with self._client as client:
            for followed in islice(client.follow_messages(after_id=after_id, live=live), count):
                self.found.append(followed)

    def join(self) -> list[tuple[int, str, str]]:
        self._thread.join(TIMEOUT_SECONDS)
        assert not self._thread.is_alive(), states(self.found)
        return states(self.found)


def test_a_message_is_followed_when_it_has_ended(server: Server, client: Client) -> None:
    follower = Follower(server, 4, live=False, after_id=0)
    wait_until(lambda: bool(follower.found))  # The first message shows that it follows.
    id = begin(client, "one ")
    client.call(message.append, session_id="s", role="user", content="between")
    client.call(message.delta, message_id=id, text="two")
    client.call(message.finish, message_id=id)
    client.call(message.append, session_id="s", role="user", content="last")
    assert follower.join()[1:] == [
        (id + 1, "complete", "between"),
        (id, "complete", "one two"),
        (id + 2, "complete", "last"),
    ]


def test_a_live_follower_gets_the_content_so_far(server: Server, client: Client) -> None:
    id = begin(client, "one ")
    follower = Follower(server, 3, live=True)
    wait_until(lambda: bool(follower.found))
    client.call(message.delta, message_id=id, text="two")
    client.call(message.finish, message_id=id, content="all")
    assert follower.join() == [(id, "streaming", "one "), (id, "streaming", "one two"), (id, "complete", "all")]


def test_a_stream_that_ends_while_the_daemon_restarts_is_followed_once(server: Server, client: Client) -> None:
    follower = Follower(server, 2, live=False)
    id = begin(client, "one")
    server.restart()
    with pytest.raises(ConnectionLost):
        client.call(message.delta, message_id=id, text="two")
    client.call(message.append, session_id="s", role="user", content="last")
    assert sorted(follower.join()) == [(id, "interrupted", "one"), (id + 1, "complete", "last")]


def test_a_begin_with_a_key_is_repeated_after_a_restart(server: Server, client: Client) -> None:
    id = begin(client, key="k")
    server.restart()
    assert begin(client, "text", key="k") == id
    assert client.call(message.finish, message_id=id).content == "text"
    assert client.call(message.count, session_id="s").count == 2
