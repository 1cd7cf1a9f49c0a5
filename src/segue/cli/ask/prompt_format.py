"""The input of the model command: a context as a transcript or as a JSON list of messages."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from segue.models import Memory, Role
from segue.results import ConversationContext


class Turn(NamedTuple):
    """One entry of the conversation."""

    role: Role
    content: str


def as_text(turns: list[Turn]) -> str:
    """Return the turns as text: a line with the role above each, and an empty line between two."""
    return "\n\n".join(f"{turn.role.capitalize()}:\n{turn.content.rstrip()}" for turn in turns) + "\n"


def as_json(turns: list[Turn]) -> str:
    """Return the turns as one line of JSON: `[{"role":"user","content":"…"}]`."""
    return msgspec.json.encode([turn._asdict() for turn in turns]).decode() + "\n"


FORMATS = {"text": as_text, "json": as_json}


def turns_upto(context: ConversationContext, message_id: int) -> list[Turn]:
    """Return the system prompt, memories and summary as turns of the system, then the messages up to `message_id`.

    Later messages are left out, because another client may have appended them meanwhile. So are parts, and messages
    without text.
    """
    messages = [Turn(one.role, one.content) for one in context.messages if one.id <= message_id]
    return [turn for turn in (*_preamble(context), *messages) if turn.content.strip()]


def _preamble(context: ConversationContext) -> Iterator[Turn]:
    yield Turn("system", context.system_prompt or "")
    if context.memories:
        yield Turn("system", "\n".join(["Remember:", *(_line(memory) for memory in context.memories)]))
    if context.summary is not None:
        yield Turn("system", f"Summary of the earlier conversation:\n{context.summary.summary}")


def _line(memory: Memory) -> str:
    return f"- {memory.fact} ({memory.category})"
