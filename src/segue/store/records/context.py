"""Build the context of a session: what a model needs to continue it, within a budget of tokens."""

from typing import NamedTuple

from segue.errors import NotFound
from segue.models import MAX_INTEGER, Message
from segue.results import ConversationContext
from segue.store.engine.rows import fetch_row, wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import memories, messages, summaries

CHARACTERS_PER_TOKEN = 4
"""Characters: the length of a token in an estimate, rounded up, for text without a token count."""


class Tokens(NamedTuple):
    """A number of tokens."""

    number: int
    estimated: bool


class Tail(NamedTuple):
    """The newest messages that fit, in order."""

    messages: list[Message]
    tokens: Tokens


def build(
    tx: Tx, session_id: str, *, max_tokens: int | None, memory_limit: int, answer_bytes: int
) -> ConversationContext:
    """Return system prompt, current memories, newest summary and the messages after it.

    1. Everything but the messages is always included, and so is the newest `is_summary` message, which goes first.
    2. The remaining budget is filled from the newest message backwards, so a long session costs only what fits.
    3. The messages from the newest user message on are included even if they exceed the budget.
    """
    bot_id, system_prompt = _session(tx, session_id)
    known = memories.list_page(
        tx, bot_id=bot_id, session_id=None, limit=memory_limit, answer_bytes=answer_bytes
    ).memories
    summary = summaries.latest_valid(tx, session_id)
    after = summary.messages_end if summary else -1
    costs = [estimate(memory.fact) for memory in known]
    if system_prompt is not None:
        costs.append(estimate(system_prompt))
    if summary:
        costs.append(Tokens(summary.token_count, estimated=False))
    compacted = messages.newest_summary(tx, session_id, after)
    if compacted:
        costs.append(message_tokens(compacted))
    fixed = _sum(costs)
    budget = None if max_tokens is None else max_tokens - fixed.number
    size = sum(map(wire_bytes, [*known, *filter(None, (summary, compacted))])) + len(system_prompt or "")
    tail = _walk_back(tx, session_id, after, compacted, budget, answer_bytes - size)
    included = ([compacted] if compacted else []) + tail.messages
    tokens = _sum([fixed, tail.tokens])
    return ConversationContext(
        session_id=session_id,
        system_prompt=system_prompt,
        memories=known,
        summary=summary,
        messages=included,
        token_count=min(tokens.number, MAX_INTEGER),
        estimated=tokens.estimated,
        dropped=messages.count_after(tx, session_id, after) - len(included),
    )


def estimate(text: str) -> Tokens:
    """Estimate the tokens of a text from its length."""
    return Tokens(-(-len(text) // CHARACTERS_PER_TOKEN), estimated=True)


def message_tokens(message: Message) -> Tokens:
    """Return the client's token count, else the model's, else an estimate."""
    used = message.output_tokens if message.role == "assistant" else message.input_tokens
    counted = message.token_count if message.token_count is not None else used
    return estimate(message.content) if counted is None else Tokens(counted, estimated=False)


def _session(tx: Tx, session_id: str) -> tuple[str, str | None]:
    """Return the session's bot and system prompt, which are readable even if other columns are damaged."""
    sql = "SELECT bot_id, system_prompt FROM sessions WHERE id = :id"
    row = fetch_row(tx, "session", session_id, sql, id=session_id)
    if row is None:
        raise NotFound("session", session_id)
    return row[0], row[1]


def _walk_back(
    tx: Tx, session_id: str, after: int, compacted: Message | None, budget: int | None, answer_bytes: int
) -> Tail:
    """Collect messages from the newest backwards while they fit the budget and the response."""
    newest_user = messages.newest_user_id(tx, session_id, after)
    included: list[Message] = []
    tokens = Tokens(0, estimated=False)
    size = 0
    for message in messages.backwards(tx, session_id, after):
        if compacted and message.id == compacted.id:
            continue
        total = _sum([tokens, message_tokens(message)])
        size += wire_bytes(message)
        optional = newest_user is None or message.id < newest_user
        if (optional and budget is not None and total.number > budget) or (included and size > answer_bytes):
            break
        included.append(message)
        tokens = total
    return Tail(included[::-1], tokens)


def _sum(costs: list[Tokens]) -> Tokens:
    return Tokens(sum(cost.number for cost in costs), any(cost.estimated for cost in costs))
