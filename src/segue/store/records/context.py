"""Build the context of a session: what a model needs to continue it, within a budget of tokens."""

from itertools import islice
from typing import NamedTuple

from msgspec import UNSET

from segue.conversation.exchanges import in_reply_order, is_question, units
from segue.conversation.parts import estimate_tokens
from segue.conversation.provider_requests import anthropic_request, openai_request
from segue.errors import InvalidData, NotFound
from segue.models import MAX_INTEGER, ContextFormat, Memory, Message, Summary
from segue.results import ConversationContext
from segue.store.engine.rows import wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import memories, messages, summaries
from segue.store.records.session_row import SYSTEM_PROMPT

QUESTIONS = 200
"""User messages to look at, from the newest back, for one that a person wrote and that holds no result of a call."""


class Tokens(NamedTuple):
    """A number of tokens."""

    number: int
    estimated: bool


def build(
    tx: Tx,
    session_id: str,
    *,
    max_tokens: int | None,
    memory_limit: int,
    answer_bytes: int,
    format: ContextFormat = "segue",
) -> ConversationContext:
    """Return system prompt, current memories, newest summary and the messages after it.

    1. Everything but the messages is always included, and so is the newest `is_summary` message, which goes first.
    2. The remaining budget is filled from the newest message backwards, so a long session costs only what fits.
    3. The messages from a person's newest message on are included even if they exceed the budget.
    4. A call and its results are included or dropped together; replies are put behind their questions.
    5. A message that is being streamed is left out, because its text is not complete, and so is one that a rewind in
       its tool left (`metadata.abandoned`), because the person took it back.
    """
    bot_id, system_prompt = _session(tx, session_id)
    known = memories.list_page(
        tx, bot_id=bot_id, session_id=None, limit=memory_limit, answer_bytes=answer_bytes
    ).memories
    summary = summaries.latest_valid(tx, session_id)
    after = summaries.end_of(tx, summary) if summary else -1
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
    included = ([compacted] if compacted else []) + tail
    tokens = _sum([fixed, *map(message_tokens, tail)])
    return ConversationContext(
        session_id=session_id,
        system_prompt=system_prompt,
        memories=known,
        summary=summary,
        messages=included,
        token_count=min(tokens.number, MAX_INTEGER),
        estimated=tokens.estimated,
        dropped=messages.count_after(tx, session_id, after) - len(included),
        request=UNSET if format == "segue" else _request(format, system_prompt, known, summary, included),
    )


def _request(
    format: ContextFormat,
    system_prompt: str | None,
    known: list[Memory],
    summary: Summary | None,
    included: list[Message],
) -> dict[str, object]:
    system = [system_prompt or ""]
    if known:
        system.append("\n".join(["Known from earlier conversations:", *(f"- {memory.fact}" for memory in known)]))
    if summary:
        system.append(f"Summary of the conversation so far:\n{summary.summary}")
    return (openai_request if format == "openai" else anthropic_request)(system, included)


def estimate(text: str) -> Tokens:
    """Estimate the tokens of a text from its length and scripts."""
    return Tokens(estimate_tokens(text, None), estimated=True)


def message_tokens(message: Message) -> Tokens:
    """Return the client's token count, else the model's, else an estimate."""
    used = message.output_tokens if message.role == "assistant" else message.input_tokens
    counted = message.token_count if message.token_count is not None else used
    if counted is not None:
        return Tokens(counted, estimated=False)
    return Tokens(estimate_tokens(message.content, message.parts), estimated=True)


def _session(tx: Tx, session_id: str) -> tuple[str, str | None]:
    """Return the session's bot and system prompt, which are readable even if other columns are damaged."""
    sql = f"SELECT bot_id, {SYSTEM_PROMPT} FROM sessions WHERE id = :id"
    row = tx.run(sql, id=session_id).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    if bytes in map(type, row):
        raise InvalidData("session", session_id)
    return row[0], row[1]


def _walk_back(
    tx: Tx, session_id: str, after: int, compacted: Message | None, budget: int | None, answer_bytes: int
) -> list[Message]:
    """Return the newest messages, in order, that fit the budget and the response."""
    newest_question = _newest_question(tx, session_id, after)
    included: list[Message] = []
    tokens = size = 0
    optional = newest_question is None
    found = messages.backwards(tx, session_id, after)
    said = (message for message in found if message.state != "streaming" and not _is_abandoned(message))
    for unit in units(message for message in said if not compacted or message.id != compacted.id):
        tokens += sum(message_tokens(message).number for message in unit)
        size += sum(map(wire_bytes, unit))
        if (optional and budget is not None and tokens > budget) or (included and size > answer_bytes):
            break
        included += unit
        optional = optional or any(message.id == newest_question for message in unit)
    return in_reply_order(included[::-1])


def _newest_question(tx: Tx, session_id: str, after: int) -> int | None:
    """Return the id of a person's newest message; results of calls may have the role `user` too."""
    found = islice(messages.user_messages_backwards(tx, session_id, after), QUESTIONS)
    questions = (message for message in found if is_question(message) and not _is_abandoned(message))
    return next((message.id for message in questions), None)


def _is_abandoned(message: Message) -> bool:
    return message.metadata.get("abandoned") is True


def _sum(costs: list[Tokens]) -> Tokens:
    return Tokens(sum(cost.number for cost in costs), any(cost.estimated for cost in costs))
