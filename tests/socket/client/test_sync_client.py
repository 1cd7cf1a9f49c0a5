import socket
from collections.abc import Iterator
from typing import assert_type

import pytest

from segue.api import daemon, message, session
from segue.client import Client, ClientError, ConnectionLost, ProtocolError, TimedOut
from segue.errors import InvalidParams, NotFound, Overloaded, SegueError
from segue.models import Session
from segue.results import Appended, SessionPage
from tests.support.inprocess import Server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.paths) as client:
        yield client


@pytest.fixture
def peer() -> Iterator[tuple[Client, socket.socket]]:
    """Yield a client and the other end of its connection, on which the test plays the daemon."""
    ours, theirs = socket.socketpair()
    with Client(ours, timeout=0.02) as client, theirs:
        yield client, theirs


def test_a_call_returns_the_result_type_of_the_method(client: Client) -> None:
    made = assert_type(client.call(session.create, id="s", working_dir="/d", model="m"), Session)
    assert made == client.call(session.get, session_id="s")
    added = assert_type(client.call(message.append, session_id="s", role="user", content="hello"), Appended)
    page = assert_type(client.call(session.list), SessionPage)
    found = assert_type(client.call(session.resolve, working_dir="/d").required_session, Session)
    assert found.id == "s"
    with pytest.raises(LookupError):
        _ = client.call(session.resolve, working_dir="/none", create=False).required_session
    assert client.call(daemon.ping) == "pong"
    assert (added.session_id, page.total, page.sessions[0].preview) == ("s", 1, "hello")


def test_an_omitted_parameter_changes_nothing_and_none_clears(client: Client) -> None:
    client.call(session.create, id="s", name="n", model="m")
    changed = client.call(session.update, session_id="s", model=None)
    assert (changed.name, changed.model) == ("n", None)


def test_an_error_has_the_class_that_the_daemon_raised_and_the_client_remains_usable(client: Client) -> None:
    with pytest.raises(NotFound) as missing:
        client.call(session.get, session_id="x")
    assert missing.value.data == {"what": "session", "id": "x"}
    with pytest.raises(InvalidParams) as misfit:
        client.request("session.get", {"session": "x"})
    assert misfit.value.data["path"] == "$.session"
    assert client.request("daemon.ping") == "pong"


def test_a_request_by_name_returns_json_values_and_takes_positional_parameters(client: Client) -> None:
    client.request("session.create", {"id": "s"})
    assert client.request("message.count", ["s"]) == {"count": 0}


def test_a_call_by_name_names_the_request_that_takes_one(client: Client) -> None:
    with pytest.raises(TypeError, match=r"by name: request\('message.append', "):
        client.call("message.append", session_id="s")  # type: ignore[arg-type]
    with pytest.raises(SegueError, match=r"^no method 'message.apend'; did you mean message.append\?$"):
        client.request("message.apend")


def test_a_message_of_many_megabytes_is_sent_and_received(client: Client) -> None:
    content = "\x00é" * 2_000_000
    client.call(session.create, id="s")
    client.call(message.append, session_id="s", role="user", content=content)
    assert client.call(message.list, session_id="s").messages[0].content == content


def test_a_closed_client_raises_connection_lost(client: Client) -> None:
    client.close()
    client.close()
    with pytest.raises(ConnectionLost):
        client.request("daemon.ping")


def test_a_late_response_is_not_taken_for_the_next_one(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    with pytest.raises(TimedOut):
        client.request("first")
    theirs.sendall(b'{"jsonrpc":"2.0","result":1,"id":1}\n{"jsonrpc":"2.0","result":2,"id":2}\n')
    assert client.request("second") == 2


def test_a_request_that_is_not_sent_in_time_ends_the_connection(
    peer: tuple[Client, socket.socket],
) -> None:
    client, _ = peer
    with pytest.raises(TimedOut):
        client.request("first", {"text": "x" * 10_000_000})
    with pytest.raises(ClientError):
        client.request("second")


def test_a_response_cut_off_by_the_daemon_raises_connection_lost(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    theirs.sendall(b'{"jsonrpc":"2.0","result":1')
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionLost):
        client.request("first")


def test_the_last_response_of_a_daemon_that_closed_is_read(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    theirs.sendall(b'{"jsonrpc":"2.0","error":{"code":-32001,"message":"m","data":{"kind":"overloaded"}},"id":null}\n')
    theirs.close()
    with pytest.raises(Overloaded):
        client.request("first")


def test_a_response_to_an_unknown_request_ends_the_connection(peer: tuple[Client, socket.socket]) -> None:
    client, theirs = peer
    theirs.sendall(b'{"jsonrpc":"2.0","result":1,"id":7}\n')
    with pytest.raises(ProtocolError):
        client.request("first")
    with pytest.raises(ClientError):
        client.request("second")
