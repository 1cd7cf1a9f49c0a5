"""Paging and following: every row and every message once, also across restarts of the daemon."""

import threading
from collections.abc import Iterator
from itertools import islice

import anyio
import pytest

from segue.api import memory, message, session
from segue.client import AsyncClient, Client
from segue.results import SessionPage
from tests.support.inprocess import Server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.paths, autostart=False) as client:
        yield client


def append(client: Client, session_id: str, *contents: str) -> None:
    for content in contents:
        client.call(message.append, session_id=session_id, role="user", content=content)


def test_pages_contain_every_row_once(client: Client) -> None:
    for number in range(7):
        client.call(session.create, id=f"s{number}")
        client.call(memory.save, fact=f"{number}", category="fact", importance=1)
    append(client, "s1", *map(str, range(7)))
    sessions = [[found.id for found in page.sessions] for page in client.pages(session.list, limit=3)]
    assert [len(page) for page in sessions] == [3, 3, 1]
    assert sorted(id for page in sessions for id in page) == [f"s{number}" for number in range(7)]
    ascending = [found.content for page in client.pages(message.list, limit=2) for found in page.messages]
    assert ascending == list("0123456")
    newest = client.pages(message.list, session_id="s1", order="desc", offset=1, limit=2)
    assert [found.content for page in newest for found in page.messages] == list("543210")
    facts = [found.fact for page in client.pages(memory.list, limit=4) for found in page.memories]
    assert sorted(facts) == list("0123456")
    assert [len(page.hits) for page in client.pages(message.search, query="3")] == [1]


def test_the_number_of_rows_of_all_pages_can_be_bounded(client: Client) -> None:
    for number in range(7):
        client.call(session.create, id=f"s{number}")
    pages = [page for _, page in client.exchange_pages("session.list", SessionPage, {"limit": 3}, max_rows=4)]
    assert [len(page.sessions) for page in pages] == [3, 1]


async def test_the_async_client_pages_too(server: Server) -> None:
    async with AsyncClient.connect(server.paths, autostart=False) as client:
        for number in range(5):
            await client.call(session.create, id=f"s{number}")
        assert [len(page.sessions) async for page in client.pages(session.list, limit=2)] == [2, 2, 1]


def test_messages_are_followed_across_a_restart_without_gaps(server: Server, client: Client) -> None:
    client.call(session.create, id="s", name="n")
    append(client, "s", "old")
    lost: list[Exception] = []

    def on_lost(fault: Exception) -> None:
        lost.append(fault)
        if len(lost) == 2:
            server.start()
            with Client.connect(server.paths, autostart=False) as other:
                append(other, "s", "d", "e")

    followed = client.follow_messages(on_lost=on_lost)
    writer = threading.Thread(target=lambda: write(server))
    writer.start()
    first = [found.message.content for found in islice(followed, 3)]
    writer.join()
    server.stop()
    second = [(found.message.content, found.session and found.session.name) for found in islice(followed, 2)]
    assert (first, second) == (["a", "b", "c"], [("d", "n"), ("e", "n")])
    assert len(lost) == 2


def write(server: Server) -> None:
    with Client.connect(server.paths, autostart=False) as other:
        while other.request("daemon.status")["subscriptions"] == 0:
            pass
        append(other, "s", "a", "b", "c")


def test_followed_messages_can_be_of_one_directory_or_bot(server: Server, client: Client) -> None:
    client.call(session.create, id="here", working_dir="/here")
    client.call(session.create, id="there", working_dir="/there")
    append(client, "there", "1")
    append(client, "here", "2")
    server.clock.pass_time(1000)
    client.call(session.fork, session_id="here", upto_message_id=2)
    append(client, "there", "3")
    append(client, "here", "4")
    found = list(islice(client.follow_messages(working_dir="/here", after_id=0), 2))
    assert [(item.message.session_id, item.message.content) for item in found] == [("here", "2"), ("here", "4")]
    [one] = islice(client.follow_messages(session_id="there", bot_id="default", after_id=1), 1)
    assert one.message.content == "3"


def test_events_are_followed_with_their_cursor(server: Server, client: Client) -> None:
    client.call(session.create, id="first")
    [subscribed] = [client.request("events.subscribe")]
    client.call(session.create, id="second")
    followed = client.follow(cursor=subscribed["cursor"], kinds=["session.created"])
    assert next(followed).session_id == "second"
    server.restart()
    assert next(followed).kind == "reset"
    client.request("daemon.ping")
    client.call(session.create, id="third")
    assert next(followed).session_id == "third"


async def test_the_async_client_follows_messages(server: Server) -> None:
    async with AsyncClient.connect(server.paths, autostart=False) as client:
        await client.call(session.create, id="s")
        received: list[str] = []

        async def read() -> None:
            async for found in client.follow_messages(after_id=0):
                received.append(found.message.content)
                if len(received) == 20:
                    return

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            for number in range(10):
                await client.call(message.append, session_id="s", role="user", content=f"{number}", key=f"{number}")
            await anyio.to_thread.run_sync(server.restart)
            for number in range(10, 20):
                await client.call(message.append, session_id="s", role="user", content=f"{number}", key=f"{number}")
    assert received == [f"{number}" for number in range(20)]
