"""The parts of a transcript besides the text of a message: marks, tool calls and the results of tools."""

import re
from collections.abc import Sequence
from typing import Any

from segue.conversation.parts import tool_calls, tool_results
from segue.models import Message

RESULT_LINES = 3
"""Lines: how much of a tool's result is shown."""

LINE_CHARS = 200
"""Characters: the longest line of a tool call or result."""

TOOL_TYPES = re.compile(r"tool|function")
CODE_BLOCK = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)(?:^\1`*~*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


def marks(message: Message) -> list[str]:
    """Return the words that mark a message: its kind and state, its attachments, machine and marks of an import."""
    found = ["summary"] if message.is_summary else []
    if message.state != "complete":
        found.append(message.state)
    elif message.updated_at is not None:
        found.append("edited")
    if message.stop_reason in ("interrupted", "error", "length"):
        found.append({"error": "failed", "length": "cut at the limit"}.get(message.stop_reason, message.stop_reason))
    parts = [str(part.get("type", "part")) for part in message.parts or ()]
    found += [kind for kind in parts if not TOOL_TYPES.search(kind) and kind != "text"]
    found += [f"on {message.machine}"] if message.machine else []
    found += [mark for mark in ("injected", "abandoned") if message.metadata.get(mark) is True]
    return [*dict.fromkeys(found)]


def tool_lines(message: Message) -> list[str]:
    """Return a line for each tool call with its name and arguments, and the first lines of each result."""
    lines = [f"→ {call.name} {_short(argument_text(call.arguments))}".rstrip() for call in tool_calls(message.parts)]
    for result in tool_results(message.parts):
        text = result.text.strip().splitlines() or ["(empty)"]
        mark = "✗" if result.is_error else "←"
        lines += [f"{mark if at == 0 else ' '} {_short(line)}" for at, line in enumerate(text[:RESULT_LINES])]
        if len(text) > RESULT_LINES:
            lines.append(f"  … {len(text) - RESULT_LINES} more lines")
    return lines


def code_blocks(text: str) -> list[str]:
    """Return the contents of the fenced code blocks of a Markdown text."""
    return [block[2] for block in CODE_BLOCK.finditer(text)]


def newest_reply(messages: Sequence[Message]) -> Message | None:
    """Return the newest message of the assistant that has text."""
    return next((one for one in reversed(messages) if one.role == "assistant" and one.content.strip()), None)


def argument_text(arguments: Any) -> str:
    """Return the arguments of a call as text: a single string as it is, else JSON."""
    if isinstance(arguments, dict) and len(arguments) == 1 and isinstance(value := next(iter(arguments.values())), str):
        return value
    if isinstance(arguments, str):
        return arguments
    import json  # Few sessions have such calls

    return json.dumps(arguments, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LINE_CHARS else f"{line[:LINE_CHARS]}…"
