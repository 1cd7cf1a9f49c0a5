"""`SegueSaver` and `SegueStore`: the conformance tests of LangGraph, those of its SQLite store, and what they miss."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.conformance import validate
from langgraph.checkpoint.conformance.initializer import checkpointer_test
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import GetOp, PutOp, SearchOp
from langgraph.types import Command, interrupt

from segue.integrations.langgraph import SegueSaver, SegueStore
from segue.integrations.langgraph_threads import checkpoint_draft
from tests.integrations.suites import run_suite
from tests.support.deadline import seconds_of
from tests.support.process import Segued

TRAIT = "a trait of SqliteStore: its tables, its migrations or its private functions"
LEFT_OUT = {
    "test_vector_store_initialization": TRAIT,
    "test_nonnull_migrations": TRAIT,
    "test_escape_glob_literal": TRAIT,
    "test_namespace_match_pattern": TRAIT,
    "uses_indexable_condition": TRAIT,
    "test_sql_injection_vulnerability": "expects an error for a filter that no SQL is made of here",
    "test_ttl_override_default": "SqliteStore refreshes no expiry by default; the base class says that a store does",
    "test_async_asearch_refresh_ttl": "asserts within a second of an expiry, which a loaded machine misses",
    "test_no_running_loop": "AsyncSqliteStore has no synchronous methods on its event loop; a SegueStore has",
}

_numbers = count()


class State(TypedDict):
    """The state of the graph in these tests."""

    total: int


def graph(saver: SegueSaver) -> Any:
    def ask(state: State) -> dict[str, int]:
        return {"total": state["total"] + int(interrupt("how many?"))}

    builder = StateGraph(State)
    builder.add_node("double", lambda state: {"total": state["total"] * 2})
    builder.add_node("ask", ask)
    builder.add_edge(START, "double")
    builder.add_edge("double", "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def config(thread_id: str, **more: str) -> Any:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", **more}}


def checkpoint(number: int) -> Any:
    return {**empty_checkpoint(), "id": f"{number:08}", "channel_values": {"n": number}}


async def test_all_capabilities_pass_the_conformance_tests(served: Segued) -> None:
    async def saver() -> AsyncIterator[SegueSaver]:
        yield SegueSaver(f"run-{next(_numbers)}")

    report = await validate(checkpointer_test(name="SegueSaver")(saver))
    failures = {name: result.failures for name, result in report.results.items() if result.failures}
    assert not failures
    assert report.passed_all()
    assert sum(result.tests_passed for result in report.results.values()) >= 81


def test_the_tests_of_the_sqlite_store_pass(served: Segued) -> None:
    files = ["tests/test_store.py", "tests/test_async_store.py", "tests/test_ttl.py"]
    passed = run_suite("langgraph-checkpoint-sqlite", served, "as_sqlite_store", ["-o", "addopts=", *files], LEFT_OUT)
    assert passed > 120


def test_a_graph_continues_in_another_process_after_a_restart(served: Segued) -> None:
    first = graph(SegueSaver()).invoke({"total": 4}, config("t"))
    assert first["__interrupt__"][0].value == "how many?"
    served.stop()
    served.start()
    assert graph(SegueSaver()).invoke(Command(resume=2), config("t")) == {"total": 10}
    history = [*graph(SegueSaver()).get_state_history(config("t"))]
    assert [state.values.get("total") for state in history] == [10, 8, 4, None]


async def test_threads_and_event_loops_run_graphs_at_the_same_time(served: Segued) -> None:
    saver = SegueSaver()

    async def run(number: int) -> int:
        await graph(saver).ainvoke({"total": number}, config(f"t{number}"))
        done = await graph(saver).ainvoke(Command(resume=1), config(f"t{number}"))
        return int(done["total"])

    def in_loops() -> list[int]:
        with ThreadPoolExecutor(6) as threads:
            return [*threads.map(lambda number: asyncio.run(run(number)), range(12))]

    assert await asyncio.to_thread(in_loops) == [number * 2 + 1 for number in range(12)]
    assert await asyncio.gather(*map(run, range(20, 26))) == [number * 2 + 1 for number in range(20, 26)]


def test_a_list_of_many_checkpoints_is_complete_and_in_order(served: Segued) -> None:
    saver = SegueSaver()
    parent: dict[str, str] = {}
    for number in range(120):
        put = saver.put(config("t", **parent), checkpoint(number), {"step": number}, {})
        saver.put_writes(put, [("n", number)], f"task-{number}")
        parent = {"checkpoint_id": put["configurable"]["checkpoint_id"]}
    everything = [*saver.list(config("t"))]
    assert [one.checkpoint["channel_values"]["n"] for one in everything] == [*range(119, -1, -1)]
    assert [one.pending_writes for one in everything[:2]] == [[("task-119", "n", 119)], [("task-118", "n", 118)]]
    assert everything[0].parent_config == everything[1].config
    assert [one.metadata["step"] for one in saver.list(config("t"), limit=3)] == [119, 118, 117]
    before = config("t", checkpoint_id="00000010")
    assert [one.metadata["step"] for one in saver.list(None, before=before, filter={"step": 7})] == [7]
    found = saver.get_tuple(config("t", checkpoint_id="00000060"))
    assert found is not None
    assert found.checkpoint["channel_values"] == {"n": 60}


def test_a_checkpoint_of_ten_thousand_is_read_by_its_id_without_the_others(served: Segued) -> None:
    saver = SegueSaver()
    drafts = [
        checkpoint_draft(
            saver.serde.dumps_typed(checkpoint(number)),
            {"ns": "", "id": f"{number:08}", "parent": None, "metadata": {"step": number}},
        )
        for number in range(10_000)
    ]
    saver._threads.append("t", drafts, replace=False)

    def read(number: int) -> None:
        found = saver.get_tuple(config("t", checkpoint_id=f"{number:08}"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"n": number}

    taken = [seconds_of(lambda number=number: read(number)) for number in range(0, 10_000, 200)]  # type: ignore[misc]
    assert min(taken) < seconds_of(lambda: list(saver.list(config("t")))) / 20


def test_the_newest_checkpoint_is_the_one_with_the_highest_id(served: Segued) -> None:
    saver = SegueSaver()
    for number in (3, 9, 5):
        saver.put(config("t"), checkpoint(number), {}, {})
    newest = saver.get_tuple(config("t"))
    assert newest is not None
    assert newest.checkpoint["id"] == "00000009"


def test_prune_keeps_the_ancestors_that_delta_channels_need(served: Segued) -> None:
    saver = SegueSaver()
    parent: dict[str, str] = {}
    for number in range(6):
        values = {"messages": ["all"]} if number == 2 else {}
        one = {**checkpoint(number), "channel_values": values}
        about: Any = {"counters_since_delta_snapshot": {"messages": [number, number]}}
        put = saver.put(config("t", **parent), one, about, {})
        parent = {"checkpoint_id": put["configurable"]["checkpoint_id"]}
    saver.prune(["t"])
    assert [one.checkpoint["id"] for one in saver.list(config("t"))] == [f"{number:08}" for number in (5, 4, 3, 2)]
    with pytest.raises(ValueError, match="keep_latest"):
        saver.prune(["t"], strategy="nothing")


def test_sessions_of_threads_and_stores_are_hidden_and_kept(served: Segued) -> None:
    SegueSaver().put(config("t"), checkpoint(1), {}, {})
    SegueStore().put(("a",), "k", {"v": 1})
    wire = served.connect()
    assert wire.call("session.list")["total"] == 0
    stores = wire.call("session.list", metadata={"segue.kind": "store"}, with_metadata=True)["sessions"]
    assert sorted(row["metadata"]["framework"] for row in stores) == ["langgraph", "langgraph-store"]
    assert [row["retention_days"] for row in stores] == [0, 0]


def test_items_of_deep_namespaces_and_of_any_key_are_found(served: Segued) -> None:
    store = SegueStore()
    deep = tuple(f"level {number}" for number in range(30))
    store.put(deep, "k", {"v": 1})
    store.put((*deep, "x"), "k", {"v": 2})
    for key in ("", "é\n", "k" * 5000):
        store.put(("a",), key, {"key": key})
        found = store.get(("a",), key)
        assert found is not None
        assert found.value == {"key": key}
    assert [item.value for item in store.search(deep)] == [{"v": 2}, {"v": 1}]
    assert len(store.search(("a",))) == 3
    assert store.list_namespaces(prefix=("level 0",), max_depth=2) == [deep[:2]]


def test_an_update_keeps_the_time_of_creation_and_a_read_keeps_that_of_the_update(served: Segued) -> None:
    store = SegueStore(ttl={"default_ttl": 10})
    store.put(("a",), "k", {"v": 1})
    first = store.get(("a",), "k")
    time.sleep(0.02)
    store.put(("a",), "k", {"v": 2})
    second, third = (store.get(("a",), "k") for _ in range(2))
    assert first is not None
    assert second is not None
    assert second == third
    assert second.created_at == first.created_at
    assert second.updated_at > first.updated_at


def test_an_expired_item_is_not_returned_before_it_is_swept(served: Segued) -> None:
    store = SegueStore()
    store.put(("a",), "gone", {"v": 1}, ttl=0)
    store.put(("b",), "kept", {"v": 2}, ttl=5)
    assert store.get(("a",), "gone") is None
    assert [item.key for item in store.search(())] == ["kept"]
    assert store.list_namespaces() == [("b",)]
    assert (store.sweep_ttl(), store.sweep_ttl()) == (1, 0)


async def test_a_store_serves_several_loops_and_survives_a_restart(served: Segued) -> None:
    store = SegueStore()
    await asyncio.gather(*(store.aput(("a", str(number % 3)), str(number), {"n": number}) for number in range(60)))
    await asyncio.to_thread(served.stop)
    await asyncio.to_thread(served.start)
    found = await asyncio.to_thread(lambda: asyncio.run(store.asearch(("a",), filter={"n": {"$gte": 50}}, limit=100)))
    assert sorted(item.value["n"] for item in found) == [*range(50, 60)]
    results = await store.abatch([PutOp(("a",), "x", {"n": 1}), GetOp(("a", "0"), "0"), SearchOp(("a", "1"), limit=1)])
    assert results[0] is None
    await store.adelete(("a",), "x")
    assert await store.aget(("a",), "x") is None
