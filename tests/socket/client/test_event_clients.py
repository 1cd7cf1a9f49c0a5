"""Both clients receive typed events while they send requests."""

from collections.abc import Iterator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from segue.api import daemon, events, message, session
from segue.client import AsyncClient, Client, ConnectionLost, ProtocolError
from segue.client.protocol import RequestPipeline
from segue.events import Event, MemoryDeleted, Nothing
from segue.models import Message, Session
from tests.support.inprocess import Server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.socket) as client:
        yield client


def test_the_blocking_client_receives_typed_events_between_its_requests(client: Client) -> None:
    every_kind = client.call(events.subscribe).subscription_id
    ends = client.call(events.subscribe, kinds=["session.ended"]).subscription_id
    made = client.call(session.create, id="s")
    appended = client.call(message.append, session_id="s", role="assistant", content="hello")
    ended = client.call(session.end, session_id="s")
    received = client.events(every_kind)
    assert [next(received).data for _ in range(3)] == [
        made,
        client.call(message.get, message_id=appended.message_id),
        ended,
    ]
    assert next(client.events(ends)).data == ended
    assert client.call(events.unsubscribe, subscription_id=ends).removed


def test_an_unknown_cursor_gives_a_reset_event(client: Client) -> None:
    subscribed = client.call(events.subscribe, cursor="unknown")
    event = next(client.events(subscribed.subscription_id))
    assert (event.kind, event.data) == ("reset", Nothing())


def test_events_raise_connection_lost_when_the_daemon_exits(server: Server, client: Client) -> None:
    received = client.events(client.call(events.subscribe).subscription_id)
    client.call(daemon.shutdown)
    with pytest.raises(ConnectionLost):
        next(received)


async def test_the_async_client_receives_events_while_other_tasks_send_requests(server: Server) -> None:
    received: list[Event] = []

    async def listen(client: AsyncClient, subscription_id: str) -> None:
        async for event in client.events(subscription_id):
            received.append(event)
            if len(received) == 20:
                return

    async with AsyncClient.connect(server.socket) as client, anyio.create_task_group() as tasks:
        made = await client.call(session.create, id="s")
        subscribed = await client.call(events.subscribe)
        tasks.start_soon(listen, client, subscribed.subscription_id)
        await checkpoint()
        for _ in range(20):
            touched = await client.call(session.touch, session_id=made.id)
    assert [event.kind for event in received] == ["session.updated"] * 20
    assert received[-1].data == touched
    assert isinstance(received[0].data, Session)


async def test_a_cancelled_reader_loses_no_event(server: Server) -> None:
    async with AsyncClient.connect(server.socket) as client:
        subscribed = await client.call(events.subscribe)
        with anyio.move_on_after(0):
            async for _ in client.events(subscribed.subscription_id):
                raise AssertionError("no event was expected")
        await client.call(session.create, id="s")
        appended = await client.call(message.append, session_id="s", role="assistant", content="x")
        received = client.events(subscribed.subscription_id)
        assert [(await anext(received)).kind for _ in range(1)] == ["session.created"]
        event = await anext(received)
        assert isinstance(event.data, Message)
        assert event.data.id == appended.message_id


def subscribed() -> RequestPipeline:
    """Return a pipeline with the subscription "1"."""
    pipeline = RequestPipeline()
    id, _ = pipeline.new_request("events.subscribe", None)
    pipeline.feed(f'{{"jsonrpc":"2.0","id":{id},"result":{{"subscription_id":"1","cursor":"c"}}}}\n'.encode())
    pipeline.pop_response(id)
    return pipeline


def notice(kind: str, data: str) -> bytes:
    params = f'"subscription_id":"1","cursor":"c","kind":"{kind}","session_id":null,"at":"2026-11-21T14:23:05.123Z"'
    return f'{{"jsonrpc":"2.0","method":"event","params":{{{params},"data":{data}}}}}\n'.encode()


def test_events_of_unknown_kinds_are_ignored() -> None:
    pipeline = subscribed()
    pipeline.feed(notice("session.teleported", '{"to": []}'))
    pipeline.feed(b'{"jsonrpc":"2.0","method":"weather","params":[1]}\n')
    pipeline.feed(notice("memory.deleted", '{"memory_id":1,"why":"new"}'))
    event = pipeline.pop_event("1")
    assert event is not None
    assert event.data == MemoryDeleted(memory_id=1)
    assert pipeline.pop_event("1") is None


def test_an_event_of_an_unexpected_form_raises_protocol_error() -> None:
    with pytest.raises(ProtocolError):
        subscribed().feed(notice("memory.deleted", "{}"))
