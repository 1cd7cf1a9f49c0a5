"""`SegueSession`: the OpenAI Agents SDK's own tests, and what they do not try."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from segue.errors import TooLarge
from segue.integrations.openai_agents import SegueSession
from tests.integrations.suites import run_suite
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

USER = {"role": "user", "content": "Where is my parcel?"}
REPLY = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "On its way.", "annotations": []}],
}
CALL = {"type": "function_call", "call_id": "c1", "name": "track", "arguments": '{"id": 7}', "big": 2**70, "x": -0.5}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "🚚 é \u0000 end"}
ITEMS: list[Any] = [USER, CALL, RESULT, REPLY]

PRIVATE = "needs SQLiteSession's connections, its tables or its private methods"
LEFT_OUT = {
    "cancelled_compaction_commits": PRIVATE,
    "close_closes_worker_thread_connections": PRIVATE,
    "reaps_connections_from_exited_worker_threads": PRIVATE,
    "closes_retired_connections": PRIVATE,
    "keeps_connections_of_live_worker_threads": PRIVATE,
    "closed_rejects_empty_add_items": "expects the text 'SQLiteSession is closed'",
    "corrupt": PRIVATE,
    "file_lock_is_shared": PRIVATE,
    "releases_write_lock": PRIVATE,
    "failed_clear_session_rolls_back": PRIVATE,
    "rollback_failure_evicts": PRIVATE,
    "retries_quarantined": PRIVATE,
    "post_commit_cancellation": PRIVATE,
    "(rolls_back_failed_insert and sqlite)": PRIVATE,
    "(cancelled_suffix_transaction and sqlite)": PRIVATE,
    "(failed_encrypted_suffix and sqlite)": PRIVATE,
    "settled_pop_failure": PRIVATE,
    "settled_clear_failure": PRIVATE,
    "encrypted_pop_wrong_key": "needs a private method that EncryptedSession looks for in SQLiteSession alone",
    "encrypted_pop_rechecks": "as above",
    "encrypted_pop_authentication_is_atomic": "as above",
    "encrypted_pop_cancellation_waits": "as above",
}
FILES = [
    "tests/memory",
    "tests/sandbox/test_memory.py",
    "tests/test_agent_runner.py",
    "tests/test_agent_runner_streamed.py",
    "tests/test_max_turns.py",
    "tests/test_native_tool_failure_history.py",
    "tests/test_programmatic_tool_calling.py",
    "tests/test_run_impl_resume_paths.py",
    "tests/test_soft_cancel.py",
    "tests/test_tool_batch_failure_history.py",
    "tests/test_tool_failure_boundaries.py",
    "tests/extensions/memory/test_encrypt_session.py",
]
"""The files whose tests make a SQLiteSession."""


def test_the_tests_of_the_sdk_pass_with_a_segue_session(served: Segued) -> None:
    assert run_suite("openai-agents", served, "as_sqlite_session", FILES, LEFT_OUT) > 1300


async def test_items_come_back_as_they_were_added(served: Segued) -> None:
    session = SegueSession("parcel")
    assert (await session.get_items(), await session.pop_item()) == ([], None)
    await session.add_items(ITEMS)
    assert await session.get_items() == ITEMS
    assert await SegueSession("parcel").get_items(2) == ITEMS[2:]
    assert (await session.get_items(0), await session.get_items(-1)) == ([], ITEMS)
    assert [await session.pop_item() for _ in range(5)] == [*ITEMS[::-1], None]
    await session.add_items([USER])
    await session.clear_session()
    await session.clear_session()
    assert await session.get_items() == []


async def test_a_namespace_and_any_text_as_id_make_a_session_of_their_own(served: Segued) -> None:
    names = ["a", "", "a b\n", "-x", "é" * 2000, "a' OR 1=1", "1:a", "\ud800"]
    sessions = [SegueSession(name, namespace=space) for name in names for space in ("default", "other")]
    for number, session in enumerate(sessions):
        await session.add_items([{"role": "user", "content": str(number)}])
    assert [len(await session.get_items()) for session in sessions] == [1] * len(sessions)


async def test_more_items_than_one_request_holds_are_added_and_read(served: Segued) -> None:
    session = SegueSession("long")
    items: list[Any] = [{"role": "user", "content": str(number)} for number in range(2500)]
    await session.add_items(items)
    large: list[Any] = [{"role": "user", "content": "x" * 3_000_000} for _ in range(8)]
    await session.add_items(large)
    assert await session.get_items() == items + large
    assert await session.get_items(2000) == (items + large)[-2000:]
    with pytest.raises(TooLarge):
        await session.add_items([{"role": "user", "content": "x" * 20_000_000}])


async def test_a_person_sees_the_session_only_when_asking_for_it(served: Segued) -> None:
    wire = served.connect()
    session = SegueSession("parcel", namespace="shop")
    await session.add_items(ITEMS)
    assert wire.call("session.list")["total"] == 0
    assert wire.call("message.search", query="parcel")["total"] == 0
    [found] = wire.call("session.list", metadata={"segue.kind": "store"}, with_metadata=True)["sessions"]
    assert (found["id"], found["name"], found["retention_days"]) == (session.segue_id, "parcel", 0)
    assert found["metadata"]["namespace"] == "shop"
    shown = wire.call("message.list", session_id=session.segue_id)["messages"]
    assert [(one["role"], one["content"]) for one in shown] == [
        ("user", "Where is my parcel?"),
        ("assistant", ""),
        ("tool", ""),
        ("assistant", "On its way."),
    ]


async def test_a_popped_item_is_in_no_file(served: Segued) -> None:
    wire = served.connect()
    session = SegueSession("secret")
    await session.add_items([USER, {"role": "user", "content": "canary3f2a9c"}])
    await session.pop_item()
    wait_until(lambda: not wire.call("daemon.status")["privacy"]["deleted_remains"])
    assert not [path for path in served.database.parent.iterdir() if b"canary3f2a9c" in path.read_bytes()]


def test_threads_and_event_loops_share_a_session(served: Segued) -> None:
    async def add(number: int) -> None:
        session = SegueSession("shared")
        for part in range(10):
            await session.add_items([{"role": "user", "content": f"{number}-{part}"}])

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(asyncio.run, add(number)) for number in range(16)]:
            done.result()
    items: list[Any] = asyncio.run(SegueSession("shared").get_items())
    assert len({item["content"] for item in items}) == 160
    for number in range(16):
        of_one = [item["content"] for item in items if item["content"].startswith(f"{number}-")]
        assert of_one == [f"{number}-{part}" for part in range(10)]


async def test_every_call_works_after_a_restart_of_the_daemon(served: Segued) -> None:
    session = SegueSession("restarted")
    await session.add_items(ITEMS)

    def restart() -> None:
        assert served.stop() == 0
        served.start()

    await asyncio.to_thread(restart)
    assert await session.pop_item() == REPLY
    await asyncio.to_thread(restart)
    await session.add_items([REPLY])
    await asyncio.to_thread(restart)
    assert await session.get_items() == ITEMS
    await asyncio.to_thread(served.kill)
    await asyncio.to_thread(served.start)
    await session.clear_session()
    assert await session.get_items() == []


async def test_items_that_are_added_while_the_daemon_is_killed_are_stored_once(served: Segued) -> None:
    session = SegueSession("killed")
    added: list[Any] = []

    async def add() -> None:
        for number in range(300):
            item: Any = {"role": "user", "content": str(number)}
            await session.add_items([item])
            added.append(item)

    adding = asyncio.create_task(add())
    for enough in (50, 150):
        while len(added) < enough:
            await asyncio.sleep(0)
        await asyncio.to_thread(served.kill)
        await asyncio.to_thread(served.start)
    await adding
    assert await session.get_items() == added


def test_pop_items_of_several_processes_give_each_item_once(served: Segued) -> None:
    asyncio.run(SegueSession("queue").add_items([{"role": "user", "content": str(number)} for number in range(60)]))
    program = """
import asyncio, json
from segue.integrations.openai_agents import SegueSession
async def main():
    session = SegueSession("queue")
    popped = []
    while (item := await session.pop_item()) is not None:
        popped.append(int(item["content"]))
    print(json.dumps(popped))
asyncio.run(main())
"""
    command = [sys.executable, "-c", program]
    running = [subprocess.Popen(command, env=served.environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    popped = [number for process in running for number in json.loads(process.communicate(timeout=TIMEOUT_SECONDS)[0])]
    assert sorted(popped) == list(range(60))


async def test_a_cancelled_call_ends_before_its_task(served: Segued, wire_of_served: Wire) -> None:
    session = SegueSession("cancelled")
    await session.add_items([USER])
    for _ in range(50):
        task = asyncio.create_task(session.add_items([USER]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        before = wire_of_served.call("message.count", session_id=session.segue_id)
        assert before == wire_of_served.call("message.count", session_id=session.segue_id)
    assert len(await session.get_items()) == 51


async def test_a_closed_session_refuses_calls(served: Segued) -> None:
    session = SegueSession("closed")
    await session.add_items([USER])
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        await session.get_items()
    assert await SegueSession("closed").get_items() == [USER]


async def test_a_pop_waits_for_a_daemon_that_starts_later(served: Segued) -> None:
    session = SegueSession("lost")
    await session.add_items(ITEMS)
    await session.get_items()
    await asyncio.to_thread(served.kill)
    popping = asyncio.create_task(session.pop_item())
    await asyncio.sleep(0)
    await asyncio.to_thread(served.start)
    assert await popping == REPLY
    assert await session.get_items() == ITEMS[:-1]
