"""The messages of a conversation that belong together: calls with their results, replies with their questions.

A provider rejects a call without its results, and results without their call. So a cut keeps or drops them together:

1. Walk back from the newest message. A result opens a unit, which ends with the message that holds its call.
2. A unit that reaches a question of a person, or 200 messages, has no call. Its results are left out.
3. A call without all its results is left out with the results that it has, unless it is the newest message.
"""

from collections.abc import Iterable, Iterator, Sequence

from segue.conversation.parts import tool_calls, tool_results
from segue.models import Message

UNIT_MESSAGES = 200
"""Messages of one unit. Results come right behind their call; a longer search would read a whole session."""


def is_question(message: Message) -> bool:
    """Return True for words of a person: a user's message that holds no result of a call."""
    return message.role == "user" and not tool_results(message.parts)


def units(newest_first: Iterable[Message]) -> Iterator[list[Message]]:
    """Yield the messages in units to keep or drop together, newest first, also within a unit."""
    unit: list[Message] = []
    pending: set[str] = set()
    newest = True
    for message in newest_first:
        calls = {call.id for call in tool_calls(message.parts)}
        results = {result.id for result in tool_results(message.parts)}
        if not pending and not results:
            if newest or not calls:
                yield [message]
            newest = False
            continue
        newest = False
        unit.append(message)
        pending = (pending - calls) | results
        if not pending or is_question(message) or len(unit) >= UNIT_MESSAGES:
            yield from _complete(unit)
            unit, pending = [], set()
    yield from _complete(unit)


def in_reply_order(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with each reply right after its question, and without questions that have no reply yet.

    A reply names its question in `metadata.reply_to`. A question without a reply is left out if a later question
    follows it directly, and only where replies are named, because elsewhere a user may say two things in a row.
    """
    ids = {message.id for message in messages}
    replies: dict[int, list[Message]] = {}
    for message in messages:
        if (question := _reply_to(message)) in ids and question is not None and question < message.id:
            replies.setdefault(question, []).append(message)
    moved = {reply.id for several in replies.values() for reply in several}
    ordered = [one for message in messages if message.id not in moved for one in _with_replies(message, replies)]
    named = any(_reply_to(message) is not None for message in messages)
    following = [*ordered[1:], None]
    pairs = zip(ordered, following, strict=False)  # The last pair of an empty list has no message.
    return [message for message, next_one in pairs if not _is_open(message, next_one, named=named)]


def _complete(unit: list[Message]) -> Iterator[list[Message]]:
    """Yield the unit without calls and results that lack their counterpart."""
    answered = {result.id for message in unit for result in tool_results(message.parts)}
    called = {call.id for message in unit for call in tool_calls(message.parts)}
    broken = {
        call.id
        for message in unit
        if not answered.issuperset(call.id for call in tool_calls(message.parts))
        for call in tool_calls(message.parts)
    }
    kept = [message for message in unit if _ids(message) <= (called & answered) - broken]
    if kept:
        yield kept


def _ids(message: Message) -> set[str]:
    calls, results = tool_calls(message.parts), tool_results(message.parts)
    return {call.id for call in calls} | {result.id for result in results}


def _reply_to(message: Message) -> int | None:
    found = message.metadata.get("reply_to")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _with_replies(message: Message, replies: dict[int, list[Message]]) -> Iterator[Message]:
    pending = [message]
    while pending:
        yield (found := pending.pop())
        pending += reversed(replies.get(found.id, ()))


def _is_open(message: Message, following: Message | None, *, named: bool) -> bool:
    awaited = named or message.metadata.get("awaits_reply") is True
    return awaited and following is not None and is_question(message) and is_question(following)
