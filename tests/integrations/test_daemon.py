"""What all adapters have in common: they start the daemon, and threads, loops, processes and restarts do no harm."""

import asyncio
import multiprocessing
import subprocess
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from segue.integrations.claude_agent import SegueSessionStore
from segue.integrations.langgraph import SegueSaver, SegueStore
from segue.integrations.openai_agents import SegueSession
from tests.support.process import PROGRAMS, Segued
from tests.support.wire import TIMEOUT_SECONDS

ITEM: Any = {"role": "user", "content": "hello"}


def add(number: int) -> None:
    asyncio.run(SegueSession("forked").add_items([{"role": "user", "content": str(number)}]))


async def use_session(number: int) -> None:
    session = SegueSession(f"used-{number}")
    await session.add_items([ITEM])
    await session.add_items([ITEM, ITEM])
    assert await session.get_items() == [ITEM] * 3


async def use_session_store(number: int) -> None:
    store = SegueSessionStore()
    key: Any = {"project_key": "p", "session_id": str(number)}
    entries: list[Any] = [{"type": "x", "uuid": str(one)} for one in range(3)]
    for entry in entries:
        await store.append(key, [entry])
    assert await store.load(key) == entries
    assert str(number) in [one["session_id"] for one in await store.list_sessions("p")]


async def use_saver(number: int) -> None:
    saver = SegueSaver()
    thread: Any = {"configurable": {"thread_id": str(number), "checkpoint_ns": ""}}
    put = await saver.aput(thread, {**empty_checkpoint(), "channel_values": {"n": number}}, {}, {})
    await saver.aput_writes(put, [("n", number)], "task")
    found = await saver.aget_tuple(put)
    assert found is not None
    assert (found.checkpoint["channel_values"], found.pending_writes) == ({"n": number}, [("task", "n", number)])


async def use_store(number: int) -> None:
    store = SegueStore()
    await store.aput(("a",), str(number), {"n": 0})
    await store.aput(("a",), str(number), {"n": number})
    found = await store.aget(("a",), str(number))
    assert found is not None
    assert found.value == {"n": number}


@pytest.mark.parametrize("use", [use_session, use_session_store, use_saver, use_store])
def test_threads_with_loops_of_their_own_use_an_adapter_while_the_daemon_restarts(
    use: Callable[[int], Awaitable[None]], served: Segued
) -> None:
    begun = Event()

    async def run(number: int) -> None:
        await use(number)
        if number == 8:
            begun.set()

    with ThreadPoolExecutor(6) as threads:
        running = [threads.submit(asyncio.run, run(number)) for number in range(120)]
        assert begun.wait(TIMEOUT_SECONDS)
        assert served.stop() == 0
        served.start()
        for one in running:
            one.result(TIMEOUT_SECONDS)


def test_an_adapter_starts_the_daemon(tmp_path: Path) -> None:
    environment = Segued(tmp_path).environment
    del environment["SEGUE_NO_AUTOSTART"]
    program = """
import asyncio
from segue.integrations.openai_agents import SegueSession
session = SegueSession("x")
asyncio.run(session.add_items([{"role": "user", "content": "hello"}]))
print(asyncio.run(session.get_items()))
"""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (0, "[{'role': 'user', 'content': 'hello'}]\n"), done.stderr
    finally:
        subprocess.run([str(PROGRAMS / "segue"), "stop"], env=environment, timeout=60, check=True)


def test_a_forked_child_does_not_use_the_connection_of_its_parent(served: Segued) -> None:
    add(0)
    forking = multiprocessing.get_context("fork")
    children = [forking.Process(target=add, args=(number,)) for number in range(1, 6)]
    for child in children:
        child.start()
    for child in children:
        child.join(TIMEOUT_SECONDS)
    assert [child.exitcode for child in children] == [0] * 5
    items: list[Any] = asyncio.run(SegueSession("forked").get_items())
    assert sorted(item["content"] for item in items) == ["0", "1", "2", "3", "4", "5"]
    add(6)
    assert len(asyncio.run(SegueSession("forked").get_items())) == 7


def test_a_socket_can_be_given(served: Segued, tmp_path: Path) -> None:
    session = SegueSession("x", socket=served.socket)
    asyncio.run(session.add_items([ITEM]))
    assert asyncio.run(SegueSession("x").get_items()) == [ITEM]
