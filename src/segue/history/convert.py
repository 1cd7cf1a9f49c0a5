"""A session of another tool as parameters of `session.import`.

1. A message becomes one message; its calls and thoughts become parts in the shapes of Anthropic's API, which
   `context.build` keeps together.
2. The results of its calls become a message of the role `tool` behind it, because a model reads them as the next turn.
3. Text that the tool wrote into a person's message leaves the content and becomes a part of type `injected`.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from segue.history.records import HistoryMessage, HistorySession
from segue.runtime.place import find_project, wire_path
from segue.timestamps import milliseconds

PATH_MAX = 4096
"""Characters. The kernel has no longer paths."""

MAX_NAME_CHARS = 255
"""Characters. The longest name that the wire contract allows."""

MAX_MESSAGE_BYTES = 4 * 2**20
"""Bytes. The texts of a longer message are cut, so that none comes near the limit of 8 MiB."""

LONGEST_CHARS = (1_000_000, 250_000, 60_000, 15_000, 4000)
"""Characters to which the texts of such a message are cut, one after the other until it fits."""

CUT = "… [cut {} characters]"

LATEST_MS = 23 * 3_600_000
"""Milliseconds from now. The daemon refuses times that are a day away, and a later one is wrong."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_INJECTED = re.compile(
    r"<(system-reminder|environment_context|session_context|user_instructions|untrusted_context)>.*?</\1>\s*",
    re.DOTALL,
)


def session_params(session: HistorySession, now_ms: int, changed_at: str | None = None) -> dict[str, Any]:
    """Return the member `session` of the parameters. `changed_at` is the time of its file."""
    metadata = dict(session.metadata)
    if session.forked_from:
        metadata["forked_from_source"] = session.forked_from
    if session.parent:
        metadata["sub_agent"] = True
    params = {
        "bot_id": session.bot and session.bot.id,
        "working_dir": session.directory if _is_directory(session.directory) else None,
        "project": _project(session.directory),
        "name": _name(session.title),
        "provider": _name(session.provider),
        "model": _name(session.model),
        "system_prompt": session.system_prompt,
        "created_at": _possible(session.started_at, now_ms) or _first_time(session, now_ms) or changed_at,
        "parent": session.parent or session.forked_from,
        "metadata": metadata,
        "status": session.status,
        "ended_at": _possible(session.ended_at, now_ms),
        "archived": session.archived or None,
    }
    return {name: value for name, value in params.items() if value is not None}


def _project(directory: str | None) -> str | None:
    """Return the repository of a directory that exists on this machine, so that `--here` shows the session there."""
    if directory is None or not _is_directory(directory) or not os.path.isdir(directory):  # noqa: PTH112
        return None
    root = find_project(os.path.realpath(directory))
    return None if root is None else wire_path(root)


def with_times(
    session: HistorySession, now_ms: int, first_at: str | None = None
) -> Iterator[tuple[HistoryMessage, str | None]]:
    """Yield each message with its time; one without a possible time has that of the message before it.

    `first_at` is the time of the first one if the session has none either.
    """
    at = _possible(session.started_at, now_ms) or first_at
    for message in session.messages:
        at = _possible(message.at, now_ms) or at
        yield message, at


def encode(params: dict[str, Any]) -> bytes:
    """Return a message as JSON, with its longest texts cut if it is too large."""
    data = msgspec.json.encode(params)
    for longest in LONGEST_CHARS:
        if len(data) <= MAX_MESSAGE_BYTES:
            break
        data = msgspec.json.encode(_cut(params, longest))
    return data


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str) and len(value) > longest:
        return value[:longest] + CUT.format(len(value) - longest)
    if isinstance(value, dict):
        return {name: _cut(inner, longest) for name, inner in value.items()}
    return [_cut(inner, longest) for inner in value] if isinstance(value, list) else value


def count_params(message: HistoryMessage) -> int:
    """Return the number of members of `messages` that a message becomes."""
    return 2 if any(call.result is not None for call in message.tool_calls) else 1


def params_of(message: HistoryMessage, at: str | None) -> Iterator[dict[str, Any]]:
    """Yield a message as members of `messages`: itself, and the results of its calls."""
    content = message.text
    parts: list[dict[str, Any]] = []
    if message.role == "user" and not message.injected and message.kind is None:
        content, parts = _split_injected(message.text)
    if message.thinking:
        parts.append({"type": "thinking", "thinking": message.thinking})
    for call in message.tool_calls:
        parts.append({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
    metadata = _metadata(message, all_injected=bool(parts) and not content and message.role == "user")
    params = {
        "key": message.key,
        "role": message.role,
        "content": content,
        "parts": parts or None,
        "created_at": at,
        "model": message.model,
        "token_count": message.token_count,
        "input_tokens": message.input_tokens,
        "output_tokens": message.output_tokens,
        "stop_reason": message.stop_reason or ("interrupted" if message.aborted else None),
        "response_ms": message.response_ms,
        "is_summary": (message.role, message.kind) == ("system", "summary") or None,
        "metadata": metadata or None,
    }
    yield {name: value for name, value in params.items() if value is not None}
    if results := [_result(call) for call in message.tool_calls if call.result is not None]:
        marks = {"abandoned": True} if message.abandoned else {}
        yield {
            "key": f"{message.key}:results",
            "role": "tool",
            "content": "",
            "parts": results,
            **({"created_at": at} if at else {}),
            **({"metadata": marks} if marks else {}),
        }


def _metadata(message: HistoryMessage, *, all_injected: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if message.kind:
        kept["kind"] = message.kind
    if message.injected or all_injected or (message.role == "user" and message.kind is not None):
        kept["injected"] = True
    if message.abandoned:
        kept["abandoned"] = True
    return kept


def _split_injected(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a person's text, and each of the harness's texts in it as a part."""
    found = [{"type": "injected", "text": match[0].strip()} for match in _INJECTED.finditer(text)]
    return (_INJECTED.sub("", text).strip() if found else text), found


def _result(call: Any) -> dict[str, Any]:
    text = call.result if isinstance(call.result, str) else str(call.result)
    part = {"type": "tool_result", "tool_use_id": call.id, "content": text}
    return part | ({"is_error": True} if call.is_error else {})


def _name(text: str | None) -> str | None:
    return _CONTROLS.sub(" ", text or "").strip()[:MAX_NAME_CHARS] or None


def _is_directory(directory: str | None) -> bool:
    return directory is not None and directory.startswith("/") and "\0" not in directory and len(directory) <= PATH_MAX


def _first_time(session: HistorySession, now_ms: int) -> str | None:
    return next((at for message in session.messages if (at := _possible(message.at, now_ms))), None)


def _possible(at: str | None, now_ms: int) -> str | None:
    """Return the time, None for one that does not exist or is far in the future: the clock was wrong."""
    try:
        return at if at is not None and milliseconds(at) <= now_ms + LATEST_MS else None
    except ValueError:
        return None
