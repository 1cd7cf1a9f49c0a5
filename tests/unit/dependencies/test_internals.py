"""The non-public names of libraries that segue uses. A failure names the file to change."""

import asyncio
import inspect
import subprocess
import sys
import threading
from pathlib import Path

import aiosqlite
from jsonrpcserver import Error, Success
from jsonrpcserver.async_dispatcher import call as run_method
from jsonrpcserver.request import Request
from oslash.either import Left

from segue.store.engine.connection import open_writer
from tests.support.wire import TIMEOUT_SECONDS


def test_jsonrpcserver_runs_one_request_of_three_fields() -> None:
    look = "jsonrpcserver changed what src/segue/jsonrpc/_jsonrpcserver.py takes"
    assert inspect.iscoroutinefunction(run_method), look
    assert list(inspect.signature(run_method).parameters) == ["request", "context", "method"], look
    assert Request._fields == ("method", "params", "id"), look


def test_the_daemon_does_not_load_the_unused_imports_of_jsonrpcserver() -> None:
    script = """
import sys, segue.server.main
assert not {"jsonschema", "attrs", "http.server", "jsonrpcserver"} & set(sys.modules), "imported for nothing"
import jsonrpcserver, segue.jsonrpc._jsonrpcserver
assert jsonrpcserver.Success is segue.jsonrpc._jsonrpcserver.Success, "the package is not whole any more"
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_sqlite_counts_no_bytes_in_the_daemon_and_works() -> None:
    script = """
import _sqlite3, ctypes, sqlite3
from segue.server.process.malloc import stop_counting_in_sqlite
stop_counting_in_sqlite()
connection = sqlite3.connect(":memory:")
assert connection.execute("SELECT sum(value) FROM json_each('[3, 4]')").fetchone() == (7,)
used = getattr(ctypes.CDLL(_sqlite3.__file__), "sqlite3_memory_used", lambda: 0)
assert used() == 0, "src/segue/server/process/malloc.py has no effect"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_jsonrpcserver_distinguishes_results_from_errors_as_expected() -> None:
    look = "jsonrpcserver changed the outcome that src/segue/jsonrpc/dispatcher.py reads"

    async def run(ctx: str, params: object) -> object:
        return Success([ctx, params]) if params else Error(7, "no", ctx)

    found = await run_method(Request("m", [1], 1), "ctx", run)
    assert (found._value.result, isinstance(found, Left)) == (["ctx", 1], False), look
    found = await run_method(Request("m", [0], 1), "ctx", run)
    assert (found._error.code, found._error.data, isinstance(found, Left)) == (7, "ctx", True), look


def test_aiosqlite_runs_a_function_on_its_thread() -> None:
    look = "aiosqlite changed what src/segue/store/engine/connection.py uses"
    assert inspect.iscoroutinefunction(aiosqlite.Connection._execute), look
    parameters = inspect.signature(aiosqlite.Connection._execute).parameters.values()
    kinds = [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]
    assert [parameter.kind for parameter in parameters][2:] == kinds, look
    assert isinstance(aiosqlite.Connection._conn, property), look
    assert list(inspect.signature(aiosqlite.Connection).parameters)[:2] == ["connector", "iter_chunk_size"], look


async def test_a_connection_runs_functions_on_its_own_thread(tmp_path: Path) -> None:
    connection = await open_writer(tmp_path / "file.db", "full")
    try:
        assert await connection.call(threading.get_ident) != threading.get_ident()
        assert await connection.call(connection.raw.execute("SELECT 7").fetchone) == (7,)
        result = asyncio.get_running_loop().create_future()
        connection.post(threading.get_ident, lambda ident: result.set_result((ident, threading.get_ident())))
        where = await asyncio.wait_for(result, TIMEOUT_SECONDS)
        assert where == (await connection.call(threading.get_ident), threading.get_ident())
    finally:
        await connection.close()
