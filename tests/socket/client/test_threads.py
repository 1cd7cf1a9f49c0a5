"""One blocking client serves several threads."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from segue.api import events, message, session
from segue.client import Client, ConnectionLost, TimedOut
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.paths, autostart=False) as client:
        yield client


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_each_thread_gets_its_own_responses(client: Client) -> None:
    def work(number: int) -> bool:
        client.call(session.create, id=f"s{number}")
        for index in range(50):
            client.call(message.append, session_id=f"s{number}", role="user", content=f"{number} {index}" * 100)
        page = client.call(message.list, session_id=f"s{number}")
        return [found.content for found in page.messages] == [f"{number} {index}" * 100 for index in range(50)]

    assert in_threads(8, work) == [True] * 8


def test_a_thread_reads_events_while_others_send_requests(client: Client) -> None:
    subscription_id = client.call(events.subscribe, kinds=["session.created"]).subscription_id
    received: list[str | None] = []

    def read() -> None:
        for event in client.events(subscription_id):
            received.append(event.session_id)
            if len(received) == 80:
                return

    reader = threading.Thread(target=read)
    reader.start()
    in_threads(8, lambda number: [client.call(session.create, id=f"{number}-{index}") for index in range(10)])
    reader.join(TIMEOUT_SECONDS)
    assert sorted(filter(None, received)) == sorted(f"{number}-{index}" for number in range(8) for index in range(10))


def test_a_thread_that_times_out_does_not_disturb_the_others(client: Client) -> None:
    session_id = client.call(session.create).id
    subscription_id = client.call(events.subscribe, kinds=["session.created"]).subscription_id
    reader = threading.Thread(target=lambda: next(client.events(subscription_id)))
    reader.start()
    client.call(message.append, session_id=session_id, role="user", content="a" * 50 + "b")
    client.timeout = 0.05
    with pytest.raises(TimedOut):
        client.request("message.search", {"query": "(a+)+$", "match": "regex"})  # Ends after one second.
    client.timeout = TIMEOUT_SECONDS
    assert client.request("daemon.ping") == "pong"
    client.call(session.create)
    reader.join(TIMEOUT_SECONDS)
    assert not reader.is_alive()


def test_closing_the_client_wakes_a_thread_that_waits(client: Client) -> None:
    subscription_id = client.call(events.subscribe).subscription_id
    raised: list[Exception] = []

    def read() -> None:
        try:
            next(client.events(subscription_id))
        except ConnectionLost as error:
            raised.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    wait_until(lambda: client._connection._reading)
    client.close()
    reader.join(TIMEOUT_SECONDS)
    assert len(raised) == 1


def test_all_threads_continue_after_a_restart(server: Server, client: Client) -> None:
    restarted = threading.Event()

    def work(number: int) -> int:
        for index in range(40):
            client.call(session.list)
            if number == 0 and index == 10:
                server.restart()
                restarted.set()
        return number

    assert in_threads(4, work) == [0, 1, 2, 3]
    assert restarted.is_set()
