"""A context as a model's command reads it: a transcript, or a list of messages in JSON."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from segue.models import Memory, Role
from segue.results import ConversationContext


class Turn(NamedTuple):
    """Something that somebody said."""

    role: Role
    content: str


def as_text(turns: list[Turn]) -> str:
    """Each turn under a line that says whose it is, with an empty line between two."""
    return "\n\n".join(f"{turn.role.capitalize()}:\n{turn.content.rstrip()}" for turn in turns) + "\n"


def as_json(turns: list[Turn]) -> str:
    """`[{"role":"user","content":"…"}]`, one line."""
    return msgspec.json.encode([turn._asdict() for turn in turns]).decode() + "\n"


FORMATS = {"text": as_text, "json": as_json}


def turns_upto(context: ConversationContext, message_id: int) -> list[Turn]:
    """System prompt, memories and summary as turns of the system, then the messages up to that one.

    What somebody else asked meanwhile is left out, and so are parts and messages that have no text.
    """
    said = [Turn(one.role, one.content) for one in context.messages if one.id <= message_id]
    return [turn for turn in (*_preamble(context), *said) if turn.content.strip()]


def _preamble(context: ConversationContext) -> Iterator[Turn]:
    yield Turn("system", context.system_prompt or "")
    if context.memories:
        yield Turn("system", "\n".join(["Remember:", *(_line(memory) for memory in context.memories)]))
    if context.summary is not None:
        yield Turn("system", f"Summary of what was said before:\n{context.summary.summary}")


def _line(memory: Memory) -> str:
    return f"- {memory.fact} ({memory.category})"
