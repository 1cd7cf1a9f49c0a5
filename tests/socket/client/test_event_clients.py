"""Both clients hear events, typed by their kind, while they go on asking."""

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


def test_the_blocking_client_hears_typed_events_between_its_own_requests(client: Client) -> None:
    all_of_it = client.call(events.subscribe).subscription_id
    ends = client.call(events.subscribe, kinds=["session.ended"]).subscription_id
    made = client.call(session.create, id="s")
    appended = client.call(message.append, session_id="s", role="assistant", content="hello")
    ended = client.call(session.end, session_id="s")
    told = client.events(all_of_it)
    assert [next(told).data for _ in range(3)] == [
        made,
        client.call(message.get, message_id=appended.message_id),
        ended,
    ]
    assert next(client.events(ends)).data == ended
    assert client.call(events.unsubscribe, subscription_id=ends).removed


def test_a_reset_is_an_event_like_others(client: Client) -> None:
    subscribed = client.call(events.subscribe, cursor="unknown")
    event = next(client.events(subscribed.subscription_id))
    assert (event.kind, event.data) == ("reset", Nothing())


def test_the_end_of_the_daemon_ends_the_events(server: Server, client: Client) -> None:
    told = client.events(client.call(events.subscribe).subscription_id)
    client.call(daemon.shutdown)
    with pytest.raises(ConnectionLost):
        next(told)


async def test_the_async_client_hears_events_while_other_tasks_ask(server: Server) -> None:
    heard: list[Event] = []

    async def listen(client: AsyncClient, subscription_id: str) -> None:
        async for event in client.events(subscription_id):
            heard.append(event)
            if len(heard) == 20:
                return

    async with AsyncClient.connect(server.socket) as client, anyio.create_task_group() as tasks:
        made = await client.call(session.create, id="s")
        subscribed = await client.call(events.subscribe)
        tasks.start_soon(listen, client, subscribed.subscription_id)
        await checkpoint()
        for _ in range(20):
            touched = await client.call(session.touch, session_id=made.id)
    assert [event.kind for event in heard] == ["session.updated"] * 20
    assert heard[-1].data == touched
    assert isinstance(heard[0].data, Session)


async def test_a_listener_that_is_cancelled_loses_nothing(server: Server) -> None:
    async with AsyncClient.connect(server.socket) as client:
        subscribed = await client.call(events.subscribe)
        with anyio.move_on_after(0):
            async for _ in client.events(subscribed.subscription_id):
                raise AssertionError("nothing happened yet")
        await client.call(session.create, id="s")
        appended = await client.call(message.append, session_id="s", role="assistant", content="x")
        told = client.events(subscribed.subscription_id)
        assert [(await anext(told)).kind for _ in range(1)] == ["session.created"]
        event = await anext(told)
        assert isinstance(event.data, Message)
        assert event.data.id == appended.message_id


def notice(kind: str, data: str) -> bytes:
    params = f'"subscription_id":"1","cursor":"c","kind":"{kind}","session_id":null,"at":"2026-11-21T14:23:05.123Z"'
    return f'{{"jsonrpc":"2.0","method":"event","params":{{{params},"data":{data}}}}}\n'.encode()


def test_what_a_newer_daemon_tells_is_passed_over() -> None:
    pipeline = RequestPipeline()
    pipeline.feed(notice("session.teleported", '{"to": []}'))
    pipeline.feed(b'{"jsonrpc":"2.0","method":"weather","params":[1]}\n')
    pipeline.feed(notice("memory.deleted", '{"memory_id":1,"why":"new"}'))
    event = pipeline.take_event("1")
    assert event is not None
    assert event.data == MemoryDeleted(memory_id=1)
    assert pipeline.take_event("1") is None


def test_an_event_that_is_not_as_agreed_is_told_as_such() -> None:
    with pytest.raises(ProtocolError):
        RequestPipeline().feed(notice("memory.deleted", "{}"))
