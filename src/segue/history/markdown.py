"""A session as Markdown that reads well on GitHub: headings for turns, calls folded, fences that cannot be broken."""

import re
from typing import Any

import msgspec

from segue.conversation.parts import is_media, tool_calls, tool_results
from segue.history.bundle import Bundle
from segue.shell.prompt_text import plain_name

RESULT_CHARS = 4000
"""Characters of a tool result; the rest is counted."""

ARGUMENT_CHARS = 80
"""Characters of a call's arguments in its heading."""

_FENCE = re.compile(r"`{3,}")
_HEADINGS = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}


def render(bundle: Bundle) -> str:
    """Return the document."""
    session = bundle.session
    lines = [f"# {_heading(plain_name(session['name'], session['id']))}", ""]
    lines += [f"- {name}: `{value}`" for name, value in bundle.facts().items()]
    if session["system_prompt"]:
        lines += ["", _folded("System prompt", fenced(session["system_prompt"], "text"))]
    for message in bundle.messages:
        lines += ["", *_message(message)]
    for title, rows, member in (("Summaries", bundle.summaries, "summary"), ("Memories", bundle.memories, "fact")):
        if rows:
            lines += ["", f"## {title}", "", *(f"- {_one_line(row[member])}" for row in rows)]
    return "\n".join(lines) + "\n"


def fenced(text: str, language: str = "") -> str:
    """Return the text as a code block whose fence is longer than every fence in the text."""
    longest = max((len(found) for found in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _message(message: dict[str, Any]) -> list[str]:
    marks = [mark for mark in ("injected", "abandoned") if message["metadata"].get(mark)]
    if "interrupted" in (message["stop_reason"], message["state"]):
        marks.append("interrupted")
    title = " · ".join([_HEADINGS[message["role"]], *filter(None, [message["model"]]), *marks])
    lines = [f"## {_heading(title)}", "", f"<sub>#{message['id']} · {message['created_at']}</sub>"]
    parts = message["parts"] or []
    if message["content"]:
        shown = message["content"]
        lines += ["", fenced(shown, "text") if marks and "injected" in marks else _closed(shown)]
    for part in parts:
        if part.get("type") == "thinking" and part.get("thinking"):
            lines += ["", _folded("Thinking", fenced(str(part["thinking"]), "text"))]
        elif is_media(part):
            lines += ["", f"*[{part['type']}]*"]
    for call in tool_calls(parts):
        arguments = msgspec.json.format(msgspec.json.encode(call.arguments)).decode()
        short = _one_line(msgspec.json.encode(call.arguments).decode())[:ARGUMENT_CHARS]
        lines += ["", _folded(f"Call {call.name} {short}", fenced(arguments, "json"))]
    for result in tool_results(parts):
        cut = len(result.text) - RESULT_CHARS
        text = result.text if cut <= 0 else f"{result.text[:RESULT_CHARS]}\n… {cut} more characters"
        lines += ["", _folded("Result (error)" if result.is_error else "Result", fenced(text, "text"))]
    return lines


def _closed(text: str) -> str:
    """Return a text with its last fence closed, so that an answer that was cut off does not swallow what follows."""
    open_fence: str | None = None
    for line in text.splitlines():
        if found := re.match(r" {0,3}(`{3,}|~{3,})", line):
            if open_fence is None:
                open_fence = found[1]
            elif found[1].startswith(open_fence):
                open_fence = None
    return text if open_fence is None else f"{text}\n{open_fence}"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{_escaped(title)}</summary>\n\n{body}\n\n</details>"


def _heading(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#])", r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
