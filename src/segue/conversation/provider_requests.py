"""A conversation as the request of a provider's API: OpenAI's chat completions or Anthropic's messages.

Both requests are valid as they are:

1. A call and its results stand together, in the order of the calls. A result without its call is left out, and so is
   a call without a result; the text beside it stays.
2. Anthropic's roles alternate and begin with the user: neighbours of one role are merged, results are blocks of the
   user's next message, and the text of system messages joins `system`.
3. OpenAI's neighbours of the role user, assistant or system are merged too, because some servers of that API reject
   them.
4. Thoughts and text that a tool injected are left out, because a provider rejects or misreads them.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from segue.conversation.parts import Part, ToolCall, ToolResult, text_of, tool_calls, tool_results
from segue.conversation.provider_media import anthropic_media, media_of, openai_media
from segue.models import Message

OMITTED = "(The beginning of this conversation is omitted.)"
"""Text before an answer whose question is not part of the conversation, because the first turn must be the user's."""

NAME_CHARS, ID_CHARS = 64, 64
"""Characters of a function's name and of a call's id; the smaller limit of the two providers."""

_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")


class Turn(NamedTuple):
    """A message with the calls that have results, each with its result."""

    message: Message
    exchanges: list[tuple[ToolCall, ToolResult]]


def openai_request(system: Sequence[str], messages: Sequence[Message]) -> dict[str, Any]:
    """Return `{"messages": …}` for OpenAI's chat completions."""
    text = "\n\n".join(filter(None, system))
    found: list[dict[str, Any]] = []
    _add_openai(found, "system", text)
    for message, exchanges in paired(messages):
        if message.role != "tool":
            _add_openai(found, message.role, _openai_content(message), [_openai_call(call) for call, _ in exchanges])
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
    """Return the text of a message: its content, else that of its text parts.

    The content of a message that holds the result of a call is that result, which stands with its call. Text parts
    beside the result are words of the user.
    """
    if message.role == "tool":
        return ""
    if message.role == "user" and tool_results(message.parts):
        return text_of(message.parts or ())
    return message.content or text_of(message.parts or ())


def _openai_content(message: Message) -> str | list[Part]:
    text = text_of_message(message)
    media = media_of(message.parts) if message.role == "user" else []
    if not media:
        return text
    return [*([{"type": "text", "text": text}] if text else []), *map(openai_media, media)]


def _add_openai(found: list[dict[str, Any]], role: str, content: str | list[Part], calls: Sequence[Part] = ()) -> None:
    """Add a message, merged into the one before if that has the role too."""
    if not content and not calls:
        return
    if found and found[-1]["role"] == role:
        content = _joined(found.pop()["content"] or "", content)  # It made no calls, because results would follow them.
    found.append({"role": role, "content": content or None} | ({"tool_calls": [*calls]} if calls else {}))


def _joined(one: str | list[Part], other: str | list[Part]) -> str | list[Part]:
    if isinstance(one, str) and isinstance(other, str):
        return "\n\n".join(filter(None, (one, other)))
    blocks = (text if isinstance(text, list) else [{"type": "text", "text": text}] for text in (one, other) if text)
    return [block for several in blocks for block in several]


def _openai_call(call: ToolCall) -> Part:
    given = call.arguments
    arguments = given if isinstance(given, str) else msgspec.json.encode({} if given is None else given).decode()
    return {"id": _id(call.id), "type": "function", "function": {"name": _name(call.name), "arguments": arguments}}


def _anthropic_blocks(message: Message) -> list[Part]:
    text = text_of_message(message)
    blocks: list[Part] = [{"type": "text", "text": text}] if text.strip() else []
    return blocks + ([anthropic_media(part) for part in media_of(message.parts)] if message.role == "user" else [])


def _anthropic_call(call: ToolCall) -> Part:
    given = {} if call.arguments is None else call.arguments
    arguments = given if isinstance(given, dict) else {"input": given}
    return {"type": "tool_use", "id": _id(call.id), "name": _name(call.name), "input": arguments}


def _anthropic_result(call: ToolCall, result: ToolResult) -> Part:
    images = [media for part in result.media if (media := anthropic_media(part))["type"] == "image"]
    texts = [{"type": "text", "text": result.text}] if result.text.strip() else []
    content = [*texts, *images] if images else result.text
    block: Part = {"type": "tool_result", "tool_use_id": _id(call.id), "content": content}
    return block | ({"is_error": True} if result.is_error else {})


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
