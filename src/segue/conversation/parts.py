"""The meaning of the parts of a message: texts, tool calls and their results, media, and how many tokens they take.

Clients store parts in the shapes of their provider. This module reads three of them: Anthropic's messages
(`tool_use`, `tool_result`), OpenAI's chat completions (`tool_calls`, `tool_call_id`) and OpenAI's responses
(`function_call`, `function_call_output`). Other parts are plain data.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

Part = dict[str, Any]

TEXT_TYPES = frozenset({"text", "input_text", "output_text"})
MEDIA_TYPES = frozenset(
    ("image", "image_url", "input_image", "audio", "input_audio", "file", "input_file", "document", "video")
)

MEDIA_TOKENS = 1600
"""Tokens of an image or a recording, whatever its size in bytes: about what providers count for a full image."""

BASE64_CHARS = 256
"""Characters. A longer string of only base64 characters is data and no text."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_KINDS = tuple(map(re.compile, ("[A-Z]", "[a-z]", "[0-9+/_-]")))
"""Kinds of characters that data has in its beginning; a long word or a hash lacks one."""

_ONE_EACH = r"[⺀-〿぀-ヿ㐀-䶿一-鿿가-힯豈-﫿\U00020000-\U0003ffff]"
"""A pattern of Chinese, Japanese and Korean characters: one token each. It is compiled on first use, in 3 ms."""

_HALF_EACH = r"[ऀ-ॿ฀-໿က-႟ក-៿]"
"""A pattern of characters of Devanagari, Thai, Lao, Burmese and Khmer: two to a token."""


class ToolCall(NamedTuple):
    """A call that a model asked for; `arguments` is the decoded JSON, or text that is no JSON."""

    id: str
    name: str
    arguments: Any


class ToolResult(NamedTuple):
    """The result of a tool call."""

    id: str
    text: str
    is_error: bool
    media: tuple[Part, ...] = ()


def text_of(parts: Sequence[Part]) -> str:
    """Return the text of the text parts, joined by line feeds."""
    return "\n".join(part["text"] for part in parts if is_text(part))


def is_text(part: Part) -> bool:
    """Return True for a part that is a text of a person or a model."""
    return str(part.get("type")) in TEXT_TYPES and isinstance(part.get("text"), str)


def tool_calls(parts: Sequence[Part] | None) -> list[ToolCall]:
    """Return the calls in a message's parts."""
    found: list[ToolCall | None] = []
    for part in parts or ():
        several = part.get("tool_calls")
        found += [_call(call) for call in (several if isinstance(several, list) else [part]) if isinstance(call, dict)]
    return [call for call in found if call]


def tool_results(parts: Sequence[Part] | None) -> list[ToolResult]:
    """Return the results in a message's parts."""
    found = []
    for part in parts or ():
        id = part.get("tool_use_id") or part.get("tool_call_id")
        if part.get("type") == "function_call_output":
            id = part.get("call_id")
        if isinstance(id, str):
            value = _result_value(part)
            media = tuple(filter(is_media, value)) if isinstance(value, list) else ()
            found.append(ToolResult(id, _plain(value), bool(part.get("is_error")), media))
    return found


def strings(value: Any, *, in_media: bool = False) -> Iterator[str]:
    """Yield every string and number at any depth, but no base64 data."""
    if isinstance(value, str):
        if not is_base64(value):
            yield value
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, in_media=in_media)
    elif isinstance(value, dict):
        media = in_media or is_media(value)
        for name, inner in value.items():
            if not (media and name == "data"):
                yield from strings(inner, in_media=media)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def is_base64(text: str) -> bool:
    """Return True for a `data:` URL and for a long string in the form of base64."""
    if text.startswith("data:") and ";base64," in text[:200]:
        return True
    if len(text) <= BASE64_CHARS or not all(kind.search(text, 0, BASE64_CHARS) for kind in _KINDS):
        return False
    return _BASE64.fullmatch(text) is not None


def estimate_tokens(content: str, parts: Sequence[Part] | None) -> int:
    """Return an estimate of a message's tokens, rounded up.

    A token is 4 characters of an alphabetic script, 2 of Devanagari, Thai, Lao, Burmese or Khmer, and 1 of Chinese,
    Japanese or Korean. A text part that repeats the content counts once, and so does the result of a call.
    """
    quarters = _quarters(content)
    media = at = 0
    for part in parts or ():
        media += _count_media(part)
        if is_text(part) and content.startswith(part["text"], at):
            at += len(part["text"]) + 1
        elif not is_media(part):
            quarters += sum(_quarters(text) for text in strings(part) if text != content)
    return -(-quarters // 4) + media * MEDIA_TOKENS


def _count_media(part: Part) -> int:
    """Return 1 for a media part, else the number of such parts in the result of a call."""
    if is_media(part):
        return 1
    blocks = _result_value(part)
    return sum(map(is_media, blocks)) if isinstance(blocks, list) else 0


def _result_value(part: Part) -> Any:
    return part.get("content", part.get("output", ""))


def is_media(value: Any) -> bool:
    """Return True for a part that is an image, a recording or a file."""
    return isinstance(value, dict) and str(value.get("type")) in MEDIA_TYPES


def _quarters(text: str) -> int:
    """Return four times the tokens of a text, not rounded."""
    if text.isascii():
        return len(text)
    return len(text) + 3 * len(re.findall(_ONE_EACH, text)) + len(re.findall(_HALF_EACH, text))


def _call(part: Part) -> ToolCall | None:
    if part.get("type") == "tool_use":
        return ToolCall(str(part.get("id", "")), str(part.get("name", "")), part.get("input"))
    if part.get("type") == "function_call":
        return ToolCall(str(part.get("call_id", "")), str(part.get("name", "")), _decoded(part.get("arguments")))
    if isinstance(function := part.get("function"), dict) and isinstance(part.get("id"), str):
        return ToolCall(part["id"], str(function.get("name", "")), _decoded(function.get("arguments")))
    return None


def _decoded(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments


def _plain(value: Any) -> str:
    """Return a result as text: a string, the texts of a list of blocks, or JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        texts = [text for part in value if isinstance(part, dict) and (text := _block_text(part)) is not None]
        if texts or not value:
            return "\n".join(texts)
    return "" if value is None else msgspec.json.encode(value).decode()


def _block_text(block: Part) -> str | None:
    """Return the text of a block, the type of a media block in brackets, or None."""
    if isinstance(block.get("text"), str):
        return str(block["text"])
    return f"[{block['type']}]" if is_media(block) else None
