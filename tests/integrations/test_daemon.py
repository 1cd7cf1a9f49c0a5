"""What all adapters have in common: they start the daemon, and a forked child opens a connection of its own."""

import asyncio
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

from segue.integrations.openai_agents import SegueSession
from tests.support.process import PROGRAMS, Segued

ITEM: Any = {"role": "user", "content": "hello"}


def add(number: int) -> None:
    asyncio.run(SegueSession("forked").add_items([{"role": "user", "content": str(number)}]))


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
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 5
    items: list[Any] = asyncio.run(SegueSession("forked").get_items())
    assert sorted(item["content"] for item in items) == ["0", "1", "2", "3", "4", "5"]
    add(6)
    assert len(asyncio.run(SegueSession("forked").get_items())) == 7


def test_a_socket_can_be_given(served: Segued, tmp_path: Path) -> None:
    session = SegueSession("x", socket=served.socket)
    asyncio.run(session.add_items([ITEM]))
    assert asyncio.run(SegueSession("x").get_items()) == [ITEM]
