"""The context of a session: what a model needs to go on, within a budget of tokens."""

from typing import NamedTuple

from segue.models import MAX_INTEGER, Message
from segue.results import ConversationContext
from segue.store.engine.rows import wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import memories, messages, sessions, summaries

CHARACTERS_PER_TOKEN = 4
"""The estimate where nobody counted, rounded up."""


class Tokens(NamedTuple):
    """A number of tokens, and whether it is a guess."""

    number: int
    estimated: bool


class Tail(NamedTuple):
    """The newest messages that fit, in order, and what they cost."""

    messages: list[Message]
    tokens: Tokens


def build(
    tx: Tx, session_id: str, *, max_tokens: int | None, memory_limit: int, answer_bytes: int
) -> ConversationContext:
    """System prompt, current memories, newest summary and the messages after it.

    Over the budget only messages are dropped, oldest first, none from the newest user message on; the newest
    `is_summary` message goes first and stays. The messages are walked back from the end, so that a long
    session costs no more than what fits.
    """
    session = sessions.get(tx, session_id)
    known = memories.list_page(
        tx, bot_id=session.bot_id, session_id=None, limit=memory_limit, answer_bytes=answer_bytes
    ).memories
    summary = summaries.latest(tx, session_id)
    after = summary.messages_end if summary else -1
    parts = [estimate(memory.fact) for memory in known]
    if session.system_prompt is not None:
        parts.append(estimate(session.system_prompt))
    if summary:
        parts.append(Tokens(summary.token_count, estimated=False))
    compacted = messages.newest_summary(tx, session_id, after)
    if compacted:
        parts.append(message_tokens(compacted))
    fixed = _sum(parts)
    left = None if max_tokens is None else max_tokens - fixed.number
    taken = sum(map(wire_bytes, [*known, *filter(None, (summary, compacted))])) + len(session.system_prompt or "")
    tail = _walk_back(tx, session_id, after, compacted, left, answer_bytes - taken)
    kept = ([compacted] if compacted else []) + tail.messages
    tokens = _sum([fixed, tail.tokens])
    return ConversationContext(
        session_id=session_id,
        system_prompt=session.system_prompt,
        memories=known,
        summary=summary,
        messages=kept,
        token_count=min(tokens.number, MAX_INTEGER),
        estimated=tokens.estimated,
        dropped=messages.count_after(tx, session_id, after) - len(kept),
    )


def estimate(text: str) -> Tokens:
    """A guess by the length of the text."""
    return Tokens(-(-len(text) // CHARACTERS_PER_TOKEN), estimated=True)


def message_tokens(message: Message) -> Tokens:
    """What the client counted, else what the model used, else a guess."""
    used = message.output_tokens if message.role == "assistant" else message.input_tokens
    counted = message.token_count if message.token_count is not None else used
    return estimate(message.content) if counted is None else Tokens(counted, estimated=False)


def _walk_back(
    tx: Tx, session_id: str, after: int, compacted: Message | None, left: int | None, answer_bytes: int
) -> Tail:
    """The newest messages, at least from the newest user message on, while they fit the budget and the answer."""
    newest_user = messages.newest_user_id(tx, session_id, after)
    kept: list[Message] = []
    tokens = Tokens(0, estimated=False)
    size = 0
    for message in messages.backwards(tx, session_id, after):
        if compacted and message.id == compacted.id:
            continue
        more = _sum([tokens, message_tokens(message)])
        size += wire_bytes(message)
        optional = newest_user is None or message.id < newest_user
        if (optional and left is not None and more.number > left) or (kept and size > answer_bytes):
            break
        kept.append(message)
        tokens = more
    return Tail(kept[::-1], tokens)


def _sum(parts: list[Tokens]) -> Tokens:
    return Tokens(sum(part.number for part in parts), any(part.estimated for part in parts))
