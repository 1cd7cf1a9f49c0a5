"""The real `segue mcp` with the client of the official SDK, and with raw lines."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import mcp
import pytest
from mcp import Client, StdioServerParameters, stdio_client

from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS


@asynccontextmanager
async def connected(cli: Cli, mode: str) -> AsyncIterator[Client]:
    server = StdioServerParameters(command=SEGUE, args=["mcp"], env=cli.environment, cwd=cli.directory)
    async with Client(stdio_client(server), mode=mode) as client:
        yield client


def text(result: mcp.types.CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, mcp.types.TextContent)
    return content.text


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
async def test_the_client_of_the_sdk_uses_everything(segue: Cli, mode: str, version: str) -> None:
    id = json.loads(segue.ok("rpc", "session.create", f"working_dir={segue.directory}").out)["id"]
    segue.ok("rpc", "message.append", f"session_id={id}", "role=user", "content=nginx answers 502")
    async with connected(segue, mode) as client:
        assert client.protocol_version == version
        assert len((await client.list_tools()).tools) == 6
        found = await client.call_tool("search_history", {"query": "nginx", "directory": "."})
        assert found.structured_content is not None
        assert found.structured_content["hits"][0]["snippet"] == "**nginx** answers 502"
        read = await client.call_tool("read_session", {"session_id": id, "around": 1})
        assert "nginx answers 502" in text(read)
        assert not (await client.call_tool("remember", {"fact": "Ada uses nginx"})).is_error
        assert "Ada uses nginx" in text(await client.call_tool("recall", {}))
        assert not (await client.call_tool("forget", {"memory_id": 1})).is_error
        wrong = await client.call_tool("list_sessions", {"limit": 0})
        assert wrong.is_error
        assert text(wrong).startswith("argument limit: ")
        resources = (await client.list_resources()).resources
        assert [str(resource.uri) for resource in resources] == ["segue://memories", f"segue://session/{id}"]
        assert "nginx" in str((await client.read_resource(str(resources[1].uri))).contents)
        assert len((await client.list_resource_templates()).resource_templates) == 1
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["continue_conversation"]
        prompt = await client.get_prompt("continue_conversation", {"directory": str(segue.directory)})
        assert "nginx answers 502" in str(prompt.messages[0].content)
        with pytest.raises(mcp.MCPError, match="unknown tool 'nope'"):
            await client.call_tool("nope", {})


def test_only_messages_are_on_standard_output_and_all_input_is_answered(unserved: Cli) -> None:
    """Here no daemon can be started, and the last line has no end."""
    calls = [{"jsonrpc": "2.0", "id": id, "method": method} for id, method in enumerate(("ping", "tools/list"))]
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "recall", "arguments": {}}}
    lines = "\n".join(["", "not JSON", *map(json.dumps, calls), json.dumps(call)])
    done = unserved.run("mcp", stdin=lines.encode())
    assert (done.code, done.err) == (0, "")
    responses = {response["id"]: response for response in map(json.loads, done.out.splitlines())}
    assert set(responses) == {None, 0, 1, 2}
    assert responses[2]["result"]["isError"]
    assert "cannot be reached" in responses[2]["result"]["content"][0]["text"]


def test_a_wrong_configuration_is_an_error_of_the_tool(unserved: Cli, segued: Segued) -> None:
    segued.config.write_text("[session]\ncontinuity_hours = 'four'\n")
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "recall"}}
    [line] = unserved.run("mcp", stdin=json.dumps(call).encode()).out.splitlines()
    assert f"config: {segued.config}" in json.loads(line)["result"]["content"][0]["text"]


def test_the_server_starts_a_daemon_at_the_first_tool_that_needs_it(unserved: Cli, segued: Segued) -> None:
    allowed = unserved.given(SEGUE_NO_AUTOSTART="")
    with subprocess.Popen(
        [SEGUE, "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=allowed.environment, cwd=allowed.directory
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(method: str, **params: object) -> object:
            line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            process.stdin.write(f"{line}\n".encode())  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            return json.loads(process.stdout.readline())["result"]  # type: ignore[union-attr]

        ask("tools/list")
        assert not segued.database.exists()
        assert ask("tools/call", name="list_sessions", arguments={})["structuredContent"]["sessions"] == []  # type: ignore[index]
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(TIMEOUT_SECONDS) == 0
    allowed.ok("stop")


def test_a_client_that_goes_away_ends_the_server(segue: Cli) -> None:
    read, write = os.pipe()
    process = subprocess.Popen(
        [SEGUE, "mcp"], stdin=subprocess.PIPE, stdout=write, stderr=subprocess.PIPE, env=segue.environment
    )
    os.close(write)
    os.close(read)
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    _, err = process.communicate(f"{ping}\n".encode(), TIMEOUT_SECONDS)
    assert (process.returncode, err) == (0, b"")


def test_a_terminal_says_what_the_command_waits_for(segue: Cli) -> None:
    terminal = segue.terminal("mcp")
    terminal.read_until("waiting for MCP messages")
    terminal.type("\x04")
    assert terminal.finish()[0] == 0


def test_ctrl_c_ends_it_while_the_daemon_hangs(unserved: Cli, tmp_path: Path) -> None:
    """Leave out the end of the interpreter, which would wait for the thread that waits for the daemon."""
    path = tmp_path / "hanging.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(TIMEOUT_SECONDS)
        command = [SEGUE, "--socket", str(path), "mcp"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, env=unserved.environment, preexec_fn=allow_ctrl_c
        ) as process:
            try:
                assert process.stdin is not None
                process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"resources/list"}\n')
                process.stdin.flush()
                asked, _ = listener.accept()
                with asked:
                    asked.settimeout(TIMEOUT_SECONDS)
                    assert asked.recv(1) == b"{"
                    process.send_signal(signal.SIGINT)
                    assert process.wait(TIMEOUT_SECONDS / 2) == -signal.SIGINT
            finally:
                process.kill()


def allow_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
