"""A conversation as the request of a provider's API: OpenAI's chat completions or Anthropic's messages.

Both requests are valid as they are:

1. A call and its results stand together, in the order of the calls. A result without its call is left out, and so is
   a call without a result; the text beside it stays.
2. Anthropic's roles alternate and begin with the user: neighbours of one role are merged, results are blocks of the
   user's next message, and the text of system messages joins `system`.
3. Thoughts and text that a tool injected are left out, because a provider rejects or misreads them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from segue.models import Message
from segue.parts import MEDIA_TYPES, Part, ToolCall, ToolResult, is_text, text_of, tool_calls, tool_results

OMITTED = "(The beginning of this conversation is omitted.)"
"""Stands before an answer whose question is not part of the conversation, because the first turn must be the user's."""

NAME_CHARS, ID_CHARS = 64, 64
"""Characters of a function's name and of a call's id; the smaller limit of the two providers."""

_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
_DATA_URL = re.compile(r"data:([^;,]+);base64,(.*)", re.DOTALL)


class Turn(NamedTuple):
    """A message with the calls that have results, each with its result."""

    message: Message
    exchanges: list[tuple[ToolCall, ToolResult]]


def openai_request(system: Sequence[str], messages: Sequence[Message]) -> dict[str, Any]:
    """Return `{"messages": …}` for OpenAI's chat completions."""
    text = "\n\n".join(filter(None, system))
    found: list[dict[str, Any]] = [{"role": "system", "content": text}] if text else []
    for message, exchanges in paired(messages):
        content = _openai_content(message)
        if message.role == "assistant":
            calls = [_openai_call(call) for call, _ in exchanges]
            if content or calls:
                answer = {"role": "assistant", "content": text_of_message(message) or None}
                found.append(answer | ({"tool_calls": calls} if calls else {}))
        elif content and message.role in ("user", "system"):
            found.append({"role": message.role, "content": content})
        found += [{"role": "tool", "tool_call_id": _id(call.id), "content": result.text} for call, result in exchanges]
    return {"messages": found}


def anthropic_request(system: Sequence[str], messages: Sequence[Message]) -> dict[str, Any]:
    """Return `{"system": …, "messages": …}` for Anthropic's messages; `system` is left out if there is no such text."""
    turns = list(paired(messages))
    texts = [*system, *(turn.message.content for turn in turns if turn.message.role == "system")]
    found: list[dict[str, Any]] = []
    for message, exchanges in turns:
        if message.role != "system":
            blocks = _anthropic_blocks(message)
            if message.role == "assistant":
                blocks += [_anthropic_call(call) for call, _ in exchanges]
            _merge(found, "assistant" if message.role == "assistant" else "user", blocks)
        _merge(found, "user", [_anthropic_result(call, result) for call, result in exchanges])
    if found and found[0]["role"] == "assistant":
        found.insert(0, {"role": "user", "content": [{"type": "text", "text": OMITTED}]})
    if found and found[-1]["role"] == "assistant":
        _strip_end(found[-1]["content"])
    text = "\n\n".join(filter(None, texts))
    return ({"system": text} if text else {}) | {"messages": found}


def paired(messages: Sequence[Message]) -> Iterator[Turn]:
    """Yield each message with its answered calls; a result belongs to the nearest call before it with its id."""
    open_calls: dict[str, tuple[int, ToolCall]] = {}
    answers: dict[tuple[int, str], ToolResult] = {}
    for index, message in enumerate(messages):
        for result in tool_results(message.parts):
            if result.id in open_calls:
                at, _ = open_calls.pop(result.id)
                answers[at, result.id] = result if result.text else result._replace(text=message.content)
        if message.role == "assistant":
            open_calls |= {call.id: (index, call) for call in tool_calls(message.parts)}
    for index, message in enumerate(messages):
        calls = tool_calls(message.parts) if message.role == "assistant" else []
        yield Turn(message, [(call, answers[index, call.id]) for call in calls if (index, call.id) in answers])


def text_of_message(message: Message) -> str:
    """Return the text of a message: its content, else that of its text parts."""
    if message.role == "tool" or (message.role == "user" and tool_results(message.parts)):
        return ""  # The text is that of a result, which stands with its call.
    return message.content or text_of(message.parts or ())


def _openai_content(message: Message) -> str | list[Part]:
    text = text_of_message(message)
    media = [block for part in _media(message) if (block := _openai_media(part))]
    if message.role != "user" or not media:
        return text
    return ([{"type": "text", "text": text}] if text else []) + media


def _openai_call(call: ToolCall) -> Part:
    given = call.arguments
    arguments = given if isinstance(given, str) else msgspec.json.encode({} if given is None else given).decode()
    return {"id": _id(call.id), "type": "function", "function": {"name": _name(call.name), "arguments": arguments}}


def _openai_media(part: Part) -> Part | None:
    source = part.get("source")
    if part.get("type") == "image" and isinstance(source, dict):
        url = source.get("url") or f"data:{source.get('media_type')};base64,{source.get('data')}"
        return {"type": "image_url", "image_url": {"url": url}}
    if part.get("type") == "input_image" and isinstance(part.get("image_url"), str):
        return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    if part.get("type") in ("image_url", "input_audio", "file") and isinstance(part.get(part["type"]), dict):
        return part
    return {"type": "text", "text": f"[{part.get('type')}]"}


def _anthropic_blocks(message: Message) -> list[Part]:
    text = text_of_message(message)
    blocks: list[Part] = [{"type": "text", "text": text}] if text.strip() else []
    return blocks + ([_anthropic_media(part) for part in _media(message)] if message.role == "user" else [])


def _anthropic_call(call: ToolCall) -> Part:
    given = {} if call.arguments is None else call.arguments
    arguments = given if isinstance(given, dict) else {"input": given}
    return {"type": "tool_use", "id": _id(call.id), "name": _name(call.name), "input": arguments}


def _anthropic_result(call: ToolCall, result: ToolResult) -> Part:
    block: Part = {"type": "tool_result", "tool_use_id": _id(call.id), "content": result.text}
    return block | ({"is_error": True} if result.is_error else {})


def _anthropic_media(part: Part) -> Part:
    source = part.get("source")
    if part.get("type") in ("image", "document") and isinstance(source, dict):
        return {"type": part["type"], "source": source}
    url = part.get("image_url")
    url = url.get("url") if isinstance(url, dict) else url
    if isinstance(url, str):
        data = _DATA_URL.fullmatch(url)
        if data:
            return {"type": "image", "source": {"type": "base64", "media_type": data[1], "data": data[2]}}
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "text", "text": f"[{part.get('type')}]"}


def _media(message: Message) -> list[Part]:
    return [part for part in message.parts or () if part.get("type") in MEDIA_TYPES and not is_text(part)]


def _merge(found: list[dict[str, Any]], role: str, blocks: list[Part]) -> None:
    """Add the blocks to the last turn if it has the role, else as a new turn."""
    if not blocks:
        return
    if found and found[-1]["role"] == role:
        found[-1]["content"] += blocks
    else:
        found.append({"role": role, "content": blocks})


def _strip_end(blocks: list[Part]) -> None:
    """Take the white space off the end: Anthropic rejects it in an answer that the model is to continue."""
    if blocks[-1]["type"] == "text":
        blocks[-1] = {"type": "text", "text": blocks[-1]["text"].rstrip()}


def _id(id: str) -> str:
    return _UNSAFE.sub("_", id)[:ID_CHARS] or "call"


def _name(name: str) -> str:
    return _UNSAFE.sub("_", name)[:NAME_CHARS] or "tool"
