"""`SegueSessionStore`: the conformance tests of the Claude Agent SDK, and what they do not try."""

import asyncio
import subprocess
import sys
from itertools import count
from typing import Any

import anyio
import claude_agent_sdk as sdk
from claude_agent_sdk.testing import run_session_store_conformance

from segue.integrations.claude_agent import SegueSessionStore
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS

KEY: Any = {"project_key": "-home-ada-proj", "session_id": "0c6a7d2e-2f0e-4a6e-9b57-0d5f3f6f7a11"}
SUB: Any = {**KEY, "subpath": "subagents/agent-1"}

_numbers = count()


def entry(uuid: str | None, text: str, **more: Any) -> Any:
    named = {} if uuid is None else {"uuid": uuid}
    return {"type": "user", **named, "message": {"role": "user", "content": text}, **more}


def test_all_contracts_of_the_sdk_hold_on_asyncio_and_on_trio(served: Segued) -> None:
    for backend in ("asyncio", "trio"):
        anyio.run(run_session_store_conformance, lambda: SegueSessionStore(f"run-{next(_numbers)}"), backend=backend)
    assert next(_numbers) > 28


async def test_an_entry_that_is_sent_again_replaces_the_first_in_place(served: Segued) -> None:
    store = SegueSessionStore()
    await store.append(KEY, [entry("a", "one"), entry(None, "title"), entry("b", "two")])
    await store.append(KEY, [entry("a", "changed"), entry("c", "three"), entry(None, "title")])
    loaded = await store.load(KEY)
    assert loaded == [
        entry("a", "changed"),
        entry(None, "title"),
        entry("b", "two"),
        entry("c", "three"),
        entry(None, "title"),
    ]


async def test_the_sdk_lists_renames_forks_and_deletes_through_the_store(served: Segued, tmp_path: Any) -> None:
    store = SegueSessionStore()
    key = {**KEY, "project_key": sdk.project_key_for_directory(tmp_path)}
    stamp = {"timestamp": "2026-11-28T10:00:00.000Z", "cwd": str(tmp_path), "sessionId": KEY["session_id"]}
    await store.append(key, [entry("a", "Where is my parcel?", parentUuid=None, **stamp)])
    [listed] = await sdk.list_sessions_from_store(store, directory=str(tmp_path))
    assert listed.first_prompt == "Where is my parcel?"
    await sdk.rename_session_via_store(store, KEY["session_id"], "Parcel", directory=str(tmp_path))
    [listed] = await sdk.list_sessions_from_store(store, directory=str(tmp_path))
    assert listed.custom_title == "Parcel"
    forked = await sdk.fork_session_via_store(store, KEY["session_id"], directory=str(tmp_path))
    assert len(await sdk.list_sessions_from_store(store, directory=str(tmp_path))) == 2
    await sdk.delete_session_via_store(store, forked.session_id, directory=str(tmp_path))
    assert len(await sdk.list_sessions_from_store(store, directory=str(tmp_path))) == 1


async def test_a_summary_is_stored_and_follows_every_change(served: Segued) -> None:
    store = SegueSessionStore()
    await store.append(KEY, [entry("a", "one", customTitle="first")])
    [session] = await store.list_sessions(KEY["project_key"])
    wire = served.connect()

    async def titles() -> list[str]:
        return [one["data"]["custom_title"] for one in await store.list_session_summaries(KEY["project_key"])]

    def stored() -> int:
        rows = wire.call("session.list", metadata={"segue.kind": "store"})["sessions"]
        return sum(row["message_count"] for row in rows if row["name"] == "summaries")

    assert await titles() == ["first"]
    wait_until(lambda: has_summaries(store) and stored() == 1)
    assert await titles() == ["first"]
    await store.append(KEY, [entry("a", "one", customTitle="second")])
    assert await titles() == ["second"]
    await store.append(SUB, [entry("s", "sub", customTitle="third")])
    assert await titles() == ["second"]
    await store.delete(KEY)
    assert (await titles(), stored(), session["session_id"]) == ([], 0, KEY["session_id"])
    assert await store.load(SUB) is None


def has_summaries(store: SegueSessionStore) -> bool:
    return bool(store._summaries(KEY["project_key"]))


def test_two_processes_lose_no_part_of_a_summary(served: Segued) -> None:
    program = """
import asyncio, sys
from segue.integrations.claude_agent import SegueSessionStore
async def main():
    store = SegueSessionStore()
    key = {"project_key": "p", "session_id": "s"}
    name = sys.argv[1]
    for number in range(40):
        entry = {"type": "x", "uuid": f"{name}-{number}", name: f"{number}"}
        await store.append(key, [entry])
        await store.list_session_summaries("p")
asyncio.run(main())
"""
    fields = ["customTitle", "gitBranch"]
    running = [subprocess.Popen([sys.executable, "-c", program, name], env=served.environment) for name in fields]
    assert [process.wait(TIMEOUT_SECONDS) for process in running] == [0, 0]
    store = SegueSessionStore()
    [summary] = asyncio.run(store.list_session_summaries("p"))
    assert (summary["data"]["custom_title"], summary["data"]["git_branch"]) == ("39", "39")
    loaded = asyncio.run(store.load({"project_key": "p", "session_id": "s"}))
    assert loaded is not None
    for name in fields:
        assert [one[name] for one in loaded if name in one] == [str(number) for number in range(40)]


async def test_it_works_after_a_restart_and_deletes_after_it(served: Segued) -> None:
    store = SegueSessionStore()
    await store.append(KEY, [entry("a", "one")])
    await asyncio.to_thread(served.stop)
    await asyncio.to_thread(served.start)
    await store.append(KEY, [entry("b", "two")])
    await asyncio.to_thread(served.kill)
    await asyncio.to_thread(served.start)
    assert await store.load(KEY) == [entry("a", "one"), entry("b", "two")]
    await asyncio.to_thread(served.stop)
    await asyncio.to_thread(served.start)
    await store.delete(KEY)
    assert await store.load(KEY) is None
