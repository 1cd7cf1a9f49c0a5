import socket
from collections.abc import Iterator
from typing import assert_type

import pytest

from segue.api import daemon, message, session
from segue.client import Client, ConnectionLost, ProtocolError, TimedOut
from segue.errors import InvalidParams, NotFound, Overloaded
from segue.models import Session
from segue.results import Appended, SessionPage
from tests.support.inprocess import Server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.paths) as client:
        yield client


@pytest.fixture
def peer() -> Iterator[tuple[Client, socket.socket]]:
    """A client, and the other end of its connection to play the daemon on."""
    ours, theirs = socket.socketpair()
    with Client(ours, timeout=0.02) as client, theirs:
        yield client, theirs


def test_a_call_gives_the_type_that_the_method_promises(client: Client) -> None:
    made = assert_type(client.call(session.create, id="s", working_dir="/d", model="m"), Session)
    assert made == client.call(session.get, session_id="s")
    added = assert_type(client.call(message.append, session_id="s", role="user", content="hello"), Appended)
    page = assert_type(client.call(session.list), SessionPage)
    assert client.call(daemon.ping) == "pong"
    assert (added.session_id, page.total, page.sessions[0].preview) == ("s", 1, "hello")


def test_what_is_left_out_stays_and_none_clears(client: Client) -> None:
    client.call(session.create, id="s", name="n", model="m")
    changed = client.call(session.update, session_id="s", model=None)
    assert (changed.name, changed.model) == ("n", None)


def test_an_error_is_the_class_that_the_daemon_raised_and_the_client_goes_on(client: Client) -> None:
    with pytest.raises(NotFound) as missing:
        client.call(session.get, session_id="x")
    assert missing.value.data == {"what": "session", "id": "x"}
    with pytest.raises(InvalidParams) as misfit:
        client.request("session.get", {"session": "x"})
    assert misfit.value.data["path"] == "$.session"
    assert client.request("daemon.ping") == "pong"


def test_a_request_by_name_gives_plain_values_and_takes_positions(client: Client) -> None:
    client.request("session.create", {"id": "s"})
    assert client.request("message.count", ["s"]) == {"count": 0}


def test_a_message_of_many_megabytes_goes_there_and_back(client: Client) -> None:
    content = "\x00é" * 2_000_000
    client.call(session.create, id="s")
    client.call(message.append, session_id="s", role="user", content=content)
    assert client.call(message.list, session_id="s").messages[0].content == content


def test_a_closed_client_says_so(client: Client) -> None:
    client.close()
    client.close()
    with pytest.raises(ConnectionLost):
        client.request("daemon.ping")


def test_a_late_answer_is_not_taken_for_the_next_one(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    with pytest.raises(TimedOut):
        client.request("first")
    theirs.sendall(b'{"jsonrpc":"2.0","result":1,"id":1}\n{"jsonrpc":"2.0","result":2,"id":2}\n')
    assert client.request("second") == 2


def test_a_request_that_the_daemon_does_not_take_in_time_ends_the_connection(
    peer: tuple[Client, socket.socket],
) -> None:
    client, _ = peer
    with pytest.raises(TimedOut):
        client.request("first", {"text": "x" * 10_000_000})
    with pytest.raises(ConnectionLost):
        client.request("second")


def test_a_daemon_that_goes_away_inside_an_answer_is_a_lost_connection(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    theirs.sendall(b'{"jsonrpc":"2.0","result":1')
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionLost):
        client.request("first")


def test_the_last_words_of_a_daemon_that_closed_are_heard(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    theirs.sendall(b'{"jsonrpc":"2.0","error":{"code":-32001,"message":"m","data":{"kind":"overloaded"}},"id":null}\n')
    theirs.close()
    with pytest.raises(Overloaded):
        client.request("first")


def test_an_answer_to_something_else_ends_the_connection(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    theirs.sendall(b'{"jsonrpc":"2.0","result":1,"id":7}\n')
    with pytest.raises(ProtocolError):
        client.request("first")
    with pytest.raises(ConnectionLost):
        client.request("second")
