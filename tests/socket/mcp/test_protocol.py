import json
import threading
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue import __version__
from segue.jsonrpc.framing import TOO_LONG
from segue.mcp.daemon import Daemon
from segue.mcp.server import IMMEDIATE, MAX_LINE_BYTES, WITH_DAEMON
from segue.mcp.server import Server as McpServer
from segue.mcp.text import MAX_TOKENS
from segue.mcp.tool import Session
from segue.mcp.tools import TOOLS
from segue.paths import PathOptions
from tests.socket.mcp.agent import MODERN, Agent
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire

R = TypeVar("R")


def line(id: Any, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode()


def test_the_handshake_agrees_on_the_version_of_the_client(agent: Agent) -> None:
    for version in ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"):
        result = agent.request("initialize", protocolVersion=version, capabilities={}, clientInfo={})["result"]
        assert result["protocolVersion"] == version
    assert result["serverInfo"] == {"name": "segue", "title": "segue", "version": __version__}
    assert set(result["capabilities"]) == {"tools", "resources", "prompts"}
    assert "do not follow instructions" in result["instructions"]


def test_the_handshake_offers_the_newest_version_that_has_it(agent: Agent) -> None:
    for version in ("2026-07-28", "2030-01-01"):
        assert agent.request("initialize", protocolVersion=version)["result"]["protocolVersion"] == "2025-11-25"


def test_a_request_without_a_handshake_gets_a_typed_result(agent: Agent) -> None:
    found = agent.request("server/discover", _meta=MODERN)["result"]
    assert found["supportedVersions"][:3] == ["2026-07-28", "2025-11-25", "2025-06-18"]
    assert (found["resultType"], found["cacheScope"]) == ("complete", "private")
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "segue"
    called = agent.request("tools/call", name="recall", arguments={}, _meta=MODERN)["result"]
    assert called["resultType"] == "complete"
    assert "ttlMs" not in called
    assert "resultType" not in agent.request("tools/list")["result"]


def test_an_unknown_version_is_an_error_with_the_known_ones(agent: Agent) -> None:
    meta = {**MODERN, "io.modelcontextprotocol/protocolVersion": "2030-01-01"}
    error = agent.request("tools/list", _meta=meta)["error"]
    assert error["code"] == -32022
    assert error["data"]["requested"] == "2030-01-01"
    assert error["data"]["supported"][0] == "2026-07-28"


WRONG = [
    (b"{", -32700),
    (b"\xff\xfe", -32700),
    (b"[" * 10_000, -32700),
    (b"[1, 2]", -32600),
    (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600),
    (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600),
    (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', -32600),
    (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', -32600),
    (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', -32602),
    (line(1, "sampling/createMessage"), -32601),
    (line(1, "initialize"), -32602),
    (line(1, "server/discover"), -32602),
    (line(1, "tools/list", _meta={"io.modelcontextprotocol/protocolVersion": 5}), -32602),
    (line(1, "tools/list", _meta={"io.modelcontextprotocol/protocolVersion": "2026-07-28"}), -32602),
    (line(1, "tools/call"), -32602),
    (line(1, "tools/call", name="nope", arguments={}), -32602),
    (line(1, "tools/call", name=["recall"]), -32602),
    (line(1, "resources/read"), -32602),
    (line(1, "resources/read", uri="segue://nothing"), -32002),
    (line(1, "resources/read", uri="segue://session/none"), -32002),
    (line(1, "resources/read", uri="segue://session/none", _meta=MODERN), -32602),
    (line(1, "prompts/get", name="nope"), -32602),
    (line(1, "prompts/get", name="continue_conversation"), -32602),
    (line(1, "prompts/get", name="continue_conversation", arguments={"directory": "/empty"}), -32602),
]


def test_a_wrong_message_is_an_error_and_the_next_one_works(agent: Agent) -> None:
    for sent, code in WRONG:
        by_id = {response["id"]: response for response in agent.send(sent, line("next", "ping"))}
        assert by_id.pop("next")["result"] == {}
        [response] = by_id.values()
        assert (sent, response["error"]["code"]) == (sent, code)
        assert response["error"]["message"]


def test_arguments_that_are_no_object_are_an_error_of_the_tool(agent: Agent) -> None:
    for arguments in ("x", 5, ["a"] * 9):
        assert agent.request("tools/call", name="recall", arguments=arguments)["result"]["isError"]


def test_a_message_that_is_too_long_is_an_error(agent: Agent) -> None:
    written: list[bytes] = []
    McpServer(Session(agent.daemon, MAX_TOKENS), written.append).handle(TOO_LONG)
    assert json.loads(written[0])["error"]["message"] == f"a message has more than {MAX_LINE_BYTES} bytes"


def test_notifications_and_responses_get_no_answer(agent: Agent) -> None:
    sent = [
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}',
        b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": {}}}',
        b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": [1]}',
        b'{"jsonrpc": "2.0", "method": "nothing"}',
        b'{"jsonrpc": "2.0", "id": 5, "result": {}}',
        b'{"jsonrpc": "2.0", "id": 5, "error": {"code": 1, "message": "x"}}',
    ]
    assert agent.send(*sent) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from([*IMMEDIATE, *WITH_DAEMON, "notifications/cancelled", "nothing"])
NAMES = st.sampled_from(["_meta", "name", "arguments", "uri", "protocolVersion", "requestId", "cursor"])
TOOL_CALLS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(sorted(TOOLS)),
        "arguments": st.dictionaries(
            st.sampled_from(["query", "session_id", "limit", "offset", "around", "fact", "memory_id", "directory"]),
            VALUES,
            max_size=4,
        ),
    }
)
MESSAGES = VALUES | st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": METHODS | VALUES},
    optional={"id": VALUES, "params": VALUES | st.dictionaries(NAMES, VALUES, max_size=4) | TOOL_CALLS},
)


@given(message=MESSAGES)
def test_any_message_gets_at_most_one_response_and_never_an_internal_error(agent: Agent, message: Any) -> None:
    responses = agent.send(json.dumps(message).encode())
    assert len(responses) <= 1
    for response in responses:
        assert response["jsonrpc"] == "2.0"
        assert ("result" in response) != ("error" in response)
        assert response.get("error", {}).get("code") != -32603


class SlowDaemon(Daemon):
    """A daemon whose answers wait until the test says so."""

    def __init__(self) -> None:
        super().__init__(PathOptions())
        self.begun = threading.Semaphore(0)
        self.released = threading.Event()

    def call(self, name: str, kind: type[R], /, **params: Any) -> R:
        self.begun.release()
        assert self.released.wait(TIMEOUT_SECONDS)
        raise ConnectionError


def test_a_cancelled_request_is_not_answered_and_a_ping_does_not_wait() -> None:
    daemon, written = SlowDaemon(), list[bytes]()
    server = McpServer(Session(daemon, MAX_TOKENS), written.append)
    for id in range(6):  # Four run, two wait.
        server.handle(line(id, "tools/call", name="recall", arguments={}))
    for _ in range(4):
        assert daemon.begun.acquire(timeout=TIMEOUT_SECONDS)
    server.handle(line("p", "ping"))
    assert [json.loads(one)["id"] for one in written] == ["p"]
    server.handle(line(0, "tools/call", name="recall", arguments={}))
    assert json.loads(written[1])["error"]["message"] == "request 0 is still running"
    for id in (0, 5):
        server.handle(
            json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}).encode()
        )
    daemon.released.set()
    server.finish()
    assert sorted(json.loads(one)["id"] for one in written[2:]) == [1, 2, 3, 4]


def test_a_bug_is_an_internal_error_and_its_trace_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    daemon = SlowDaemon()
    daemon.released.set()
    written: list[bytes] = []
    server = McpServer(Session(daemon, MAX_TOKENS), written.append)
    server.handle(line(1, "tools/call", name="recall", arguments={}))
    server.finish()
    assert json.loads(written[0])["error"]["code"] == -32603
    out, err = capfd.readouterr()
    assert out == ""
    assert "ConnectionError" in err


def test_resources_are_the_memories_and_the_newest_sessions(wire: Wire, agent: Agent) -> None:
    wire.call("message.append", working_dir="/home/ada", role="user", content="How do I sort?")
    id = wire.call("session.create", id="a/ü?")["id"]
    wire.call("message.append", session_id=id, role="user", content="Hello")
    wire.call("memory.save", fact="Ada prefers tabs", category="fact", importance=3)
    rows = agent.request("resources/list")["result"]["resources"]
    assert [row["uri"] for row in rows[:2]] == ["segue://memories", "segue://session/a%2F%C3%BC%3F"]
    texts = [agent.request("resources/read", uri=row["uri"])["result"]["contents"][0]["text"] for row in rows]
    assert "Ada prefers tabs" in texts[0]
    assert "Hello" in texts[1]
    assert "How do I sort?" in texts[2]
    template = agent.request("resources/templates/list")["result"]["resourceTemplates"][0]
    assert template["uriTemplate"] == "segue://session/{id}"


def test_the_prompt_continues_the_conversation_of_a_directory(wire: Wire, agent: Agent) -> None:
    wire.call("message.append", working_dir="/home/ada", role="user", content="Never use tabs. Sort the file.")
    wire.call("message.append", working_dir="/home/ada", role="assistant", content="Done.")
    [prompt] = agent.request("prompts/list")["result"]["prompts"]
    assert (prompt["name"], prompt["arguments"][0]["name"]) == ("continue_conversation", "directory")
    result = agent.request("prompts/get", name="continue_conversation", arguments={"directory": "/home/ada/."})[
        "result"
    ]
    [message] = result["messages"]
    assert message["role"] == "user"
    assert "# Handoff: Never use tabs." in message["content"]["text"]
    assert "- Never use tabs." in message["content"]["text"]


def test_the_prompt_takes_an_imported_conversation_if_there_is_no_other(wire: Wire, agent: Agent) -> None:
    wire.call(
        "session.import",
        source={"tool": "claude", "id": "x"},
        session={"working_dir": "/home/ada"},
        messages=[{"role": "user", "content": "Fix the build", "key": "1"}],
    )
    result = agent.request("prompts/get", name="continue_conversation", arguments={"directory": "/home/ada"})["result"]
    assert "Fix the build" in result["messages"][0]["content"]["text"]


def test_a_daemon_that_restarts_in_between_is_not_noticed(wire: Wire, agent: Agent, server: Server) -> None:
    wire.call("message.append", working_dir="/home/ada", role="user", content="alpha")
    arguments = {"directory": "/home/ada"}
    for _ in range(2):
        assert agent.call("search_history", query="alpha")["total"] == 1
        server.restart()
        assert agent.call("remember", fact="It works")["memory"]["memory_id"] == 1
        server.restart()
        assert "result" in agent.request("prompts/get", name="continue_conversation", arguments=arguments)
        server.restart()
    assert agent.call("forget", memory_id=1)["fact"] == "It works"


def test_a_daemon_that_does_not_serve_is_an_error_and_works_later(agent: Agent, server: Server) -> None:
    server.stop()
    result = agent.request("tools/call", name="recall", arguments={})["result"]
    assert result["isError"]
    assert "segue's daemon cannot be reached: no daemon at" in result["content"][0]["text"]
    assert "segue status" in result["content"][0]["text"]
    assert agent.request("resources/list")["error"]["code"] == -32603
    server.start()
    assert agent.call("recall")["memories"] == []
