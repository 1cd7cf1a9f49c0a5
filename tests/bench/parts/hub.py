"""A hub on one PostgreSQL with 200 accounts, `python -m tests.bench.parts.hub`. `--publish` writes the manual's table.

Each account is one machine with its own connection, which pushes a batch, waits for the answer and pushes the next.
Then each account's other machine pulls everything, and polls. The server has Debian's settings, so a push is on the
disk when it is answered. Clients and server share the machine, and two processes run all clients.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from segue.manual import topic_path
from segue.sync.transports.postgres.install import install
from segue.sync.transports.remote import open_remote
from segue.sync.transports.transport import Batch, Transport
from tests.bench.report.machine import machine
from tests.support.docs import replaced, table
from tests.support.system.postgres import Cluster, open_cluster

PROCESSES = 2
SEALED = {1: 434, 8: 1_960, 64: 12_900}
"""Bytes of a sealed batch by its number of messages of about 600 bytes, measured with zlib and Padmé."""

RESULTS = Path(__file__).parents[1] / "report" / "hub.json"
PAGE = topic_path("sync-hubs")


class Work(NamedTuple):
    """What one process does."""

    url: str
    accounts: list[str]
    body_bytes: int
    seconds: float


class Measured(msgspec.Struct):
    """One size of batches."""

    messages: int
    """Messages a batch."""
    pushes: float
    """Batches a second."""
    push_p50: float
    """Milliseconds."""
    push_p99: float
    pulls: float
    """Batches a second."""
    polls: float
    """Looks for something new a second, when there is nothing."""
    poll_p50: float
    poll_p99: float
    disk_bytes: float
    """Bytes a batch in the files of the server."""
    wal_bytes: float
    """Bytes a batch in the write-ahead log."""


class Results(msgspec.Struct):
    """One run."""

    date: str
    machine: str
    command: str
    accounts: int
    rows: list[Measured]


def measure(cluster: Cluster, messages: int, accounts: int, seconds: float) -> Measured:
    """Measure batches of one size in a database of their own."""
    database = f"hub_{messages}"
    cluster.sql(f"CREATE DATABASE {database}")
    install(cluster.url(database), "segue_client", 16, plain=False)
    url = f"{cluster.url(database)}&listen=0"
    names = [secrets.token_hex(16) for _ in range(accounts)]
    works = [Work(url, names[index::PROCESSES], SEALED[messages], seconds) for index in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        before = cluster.sql("SELECT pg_current_wal_lsn()")
        pushes = _merge(pool.map(push, works))
        wal = int(cluster.sql(f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '{before}')::bigint"))
        pulls = _merge(pool.map(pull, works))
        polls = _merge(pool.map(poll, works))
    disk = int(
        cluster.sql(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'segue_hub'::regnamespace",
            database,
        )
    )
    count = int(cluster.sql("SELECT count(*) FROM segue_hub.batches", database))
    return Measured(
        messages,
        len(pushes) / seconds,
        *_percentiles(pushes),
        sum(pulls) / seconds,
        len(polls) / seconds,
        *_percentiles(polls),
        disk / count,
        wal / count,
    )


def push(work: Work) -> list[float]:
    """Push until the time is over. Return the seconds of each push."""
    return asyncio.run(_each(work, _push))


def pull(work: Work) -> list[float]:
    """Pull everything again and again. Return the numbers of batches."""
    return asyncio.run(_each(work, _pull))


def poll(work: Work) -> list[float]:
    """Look for something new until the time is over. Return the seconds of each look."""
    return asyncio.run(_each(work, _poll))


Task = Callable[[Transport, Work, float], Awaitable[list[float]]]


async def _each(work: Work, task: Task) -> list[float]:
    """Do a task for each account concurrently, when all of them have connected."""
    transports = [open_remote(work.url, account, bytes(32)) for account in work.accounts]
    for transport in transports:
        await transport.heads()
    end = time.perf_counter() + work.seconds
    found = await asyncio.gather(*(task(transport, work, end) for transport in transports))
    for transport in transports:
        await transport.close()
    return [one for several in found for one in several]


async def _push(transport: Transport, work: Work, end: float) -> list[float]:
    spent: list[float] = []
    begin = time.perf_counter()
    while begin < end:
        body = secrets.token_bytes(work.body_bytes)
        await transport.push(Batch("a" * 32, len(spent) + 1, secrets.token_bytes(16), body))
        now = time.perf_counter()
        spent.append(now - begin)
        begin = now
    return spent


async def _pull(transport: Transport, work: Work, end: float) -> list[float]:
    count = 0
    while time.perf_counter() < end:
        async for _ in transport.pull("a" * 32, 0):
            count += 1
            if time.perf_counter() >= end:
                break
    return [count]


async def _poll(transport: Transport, work: Work, end: float) -> list[float]:
    spent: list[float] = []
    begin = time.perf_counter()
    while begin < end:
        await transport.heads()
        now = time.perf_counter()
        spent.append(now - begin)
        begin = now
    return spent


def _merge(parts: Any) -> list[float]:
    return [one for part in parts for one in part]


def _percentiles(spent: list[float]) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    ordered = sorted(spent)
    return ordered[len(ordered) // 2] * 1000, ordered[len(ordered) * 99 // 100] * 1000


FIGURES: dict[str, Callable[[Measured], float]] = {
    "batches pushed a second": lambda one: one.pushes,
    "push, p50 ms": lambda one: one.push_p50,
    "push, p99 ms": lambda one: one.push_p99,
    "messages pushed a second": lambda one: one.pushes * one.messages,
    "messages pulled a second": lambda one: one.pulls * one.messages,
    "looks for something new a second": lambda one: one.polls,
    "look, p50 ms": lambda one: one.poll_p50,
    "look, p99 ms": lambda one: one.poll_p99,
    "bytes a message, sealed": lambda one: SEALED[one.messages] / one.messages,
    "bytes a message, in the tables": lambda one: one.disk_bytes / one.messages,
    "bytes a message, in the write-ahead log": lambda one: one.wal_bytes / one.messages,
}


def part(results: Results) -> str:
    """Return the table, with a column for each size of batches."""
    head = ("", *(f"{one.messages} in a batch" for one in results.rows))
    rows = [(name, *(_number(value(one)) for one in results.rows)) for name, value in FIGURES.items()]
    line = f"{results.date}, {results.accounts} accounts, {results.machine}, by `.venv/bin/{results.command}`."
    return f"{line}\n\n{table(head, rows)}"


def recall() -> Results:
    """Return the results that were published last."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Results)


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.parts.hub", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--publish", action="store_true", help="write hub.json and the table in the manual")
    wanted = parser.parse_args()
    command = " ".join(["python -m tests.bench.parts.hub", *sys.argv[1:]])
    results = Results(datetime.now(UTC).date().isoformat(), machine(), command, wanted.accounts, [])
    with open_cluster([f"max_connections={wanted.accounts + 20}"]) as cluster:
        for messages in SEALED:
            results.rows.append(measure(cluster, messages, wanted.accounts, wanted.seconds))
    print(part(results))
    if wanted.publish:
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
        PAGE.write_text(replaced(PAGE.read_text(), "hub", part(results)))


if __name__ == "__main__":
    main()
