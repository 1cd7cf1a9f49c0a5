"""Names we use of libraries that do not promise them: when one is gone, this says which file to look at."""

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


def test_jsonrpcserver_still_runs_one_request_of_three_fields() -> None:
    look = "jsonrpcserver changed what src/segue/rpc/jsonrpc.py takes"
    assert inspect.iscoroutinefunction(run_method), look
    assert list(inspect.signature(run_method).parameters) == ["request", "context", "method"], look
    assert Request._fields == ("method", "params", "id"), look


def test_the_daemon_spares_itself_what_jsonrpcserver_imports_for_others() -> None:
    script = """
import sys, segue.server.main
assert not {"jsonschema", "attrs", "http.server", "jsonrpcserver"} & set(sys.modules), "imported for nothing"
import jsonrpcserver, segue.jsonrpc._jsonrpcserver
assert jsonrpcserver.Success is segue.jsonrpc._jsonrpcserver.Success, "the package is not whole any more"
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_jsonrpcserver_still_tells_results_from_errors_as_we_read_them() -> None:
    look = "jsonrpcserver changed the outcome that src/segue/rpc/dispatch.py reads"

    async def run(ctx: str, params: object) -> object:
        return Success([ctx, params]) if params else Error(7, "no", ctx)

    found = await run_method(Request("m", [1], 1), "ctx", run)
    assert (found._value.result, isinstance(found, Left)) == (["ctx", 1], False), look
    found = await run_method(Request("m", [0], 1), "ctx", run)
    assert (found._error.code, found._error.data, isinstance(found, Left)) == (7, "ctx", True), look


def test_aiosqlite_still_runs_a_function_on_its_thread() -> None:
    look = "aiosqlite changed what src/segue/store/connection.py leans on"
    assert inspect.iscoroutinefunction(aiosqlite.Connection._execute), look
    parameters = inspect.signature(aiosqlite.Connection._execute).parameters.values()
    kinds = [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]
    assert [parameter.kind for parameter in parameters][2:] == kinds, look
    assert isinstance(aiosqlite.Connection._conn, property), look
    assert list(inspect.signature(aiosqlite.Connection).parameters)[:2] == ["connector", "iter_chunk_size"], look


async def test_a_connection_of_ours_is_the_raw_one_on_a_thread_of_its_own(tmp_path: Path) -> None:
    connection = await open_writer(tmp_path / "file.db", "full")
    try:
        assert await connection.call(threading.get_ident) != threading.get_ident()
        assert await connection.call(connection.raw.execute("SELECT 7").fetchone) == (7,)
        told = asyncio.get_running_loop().create_future()
        connection.post(threading.get_ident, lambda ident: told.set_result((ident, threading.get_ident())))
        where = await asyncio.wait_for(told, 10)
        assert where == (await connection.call(threading.get_ident), threading.get_ident())
    finally:
        await connection.close()
