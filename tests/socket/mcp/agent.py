"""An agent that uses the MCP server in this process, and checks each answer against the schema of the tool."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from segue.conversation.parts import estimate_tokens
from segue.mcp.daemon import Daemon
from segue.mcp.server import Server as McpServer
from segue.mcp.text import MAX_TOKENS
from segue.mcp.tool import Session
from segue.mcp.tools import TOOLS
from segue.paths import PathOptions
from tests.support.inprocess import Server

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


class ToolFailed(Exception):
    """A tool answered with an error; the text is what the model reads."""


class Agent:
    """A client of one MCP server."""

    def __init__(self, server: Server, tokens: int = MAX_TOKENS) -> None:
        self.tokens = tokens
        self.daemon = Daemon(PathOptions(str(server.socket), str(server.database), "/none.toml"))

    def send(self, *lines: bytes) -> list[Any]:
        """Return the responses to lines, when all of them are answered."""
        written: list[bytes] = []
        server = McpServer(Session(self.daemon, self.tokens), written.append)
        for line in lines:
            server.handle(line)
        server.finish()
        assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in written)
        return [json.loads(line) for line in written]

    def request(self, method: str, **params: Any) -> Any:
        """Return the response to a request."""
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        [response] = self.send(line)
        assert response["id"] == 1
        return response

    def answer(self, name: str, **arguments: Any) -> tuple[Any, str]:
        """Return the structured content of a tool's answer, and its text."""
        result = self.request("tools/call", name=name, arguments=arguments)["result"]
        [content] = result["content"]
        if result["isError"]:
            raise ToolFailed(content["text"])
        found, text = result["structuredContent"], content["text"]
        Draft202012Validator(TOOLS[name].describe()["outputSchema"]).validate(found)
        assert estimate_tokens(json.dumps(found, ensure_ascii=False), None) <= self.tokens
        assert estimate_tokens(text, None) <= self.tokens
        return found, text

    def call(self, name: str, **arguments: Any) -> Any:
        """Return the structured content of a tool's answer."""
        return self.answer(name, **arguments)[0]
