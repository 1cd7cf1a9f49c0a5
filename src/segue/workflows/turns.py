"""The last turn of a session: a question and what answers it, even if two terminals ask at the same time.

1. A question is a user's message that holds no result of a call. `segue ask` marks it with its terminal.
2. The turn of a terminal begins with the newest question that no other terminal asked. For a terminal that asked none,
   it begins with the newest question.
3. What follows belongs to it, but not a reply that names another question in `metadata.reply_to`. After the next
   question, only replies that name this one belong to it.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from segue.conversation.exchanges import is_question
from segue.models import Message

TERMINAL = "terminal"
"""Member of a question's metadata: a digest of the terminal that asked it."""


class Turn(NamedTuple):
    """A question and the messages that belong to it."""

    messages: list[Message]
    is_whole_end: bool
    """True if they are the newest messages of the session, without others between them."""

    @property
    def question(self) -> Message:
        """Return the message that begins the turn."""
        return self.messages[0]

    @property
    def reply_ids(self) -> tuple[int, ...]:
        """Return the ids of the other messages."""
        return tuple(message.id for message in self.messages[1:])


def last_turn(messages: Sequence[Message], terminal: str | None = None) -> Turn | None:
    """Return the last turn of the terminal (None: of any) among the newest messages of a session, if there is one."""
    questions = [at for at, message in enumerate(messages) if is_question(message)]
    if not questions:
        return None
    begin = questions[-1]
    if terminal is not None and any(_terminal(messages[at]) == terminal for at in questions):
        begin = next(at for at in reversed(questions) if _terminal(messages[at]) in (None, terminal))
    members = [messages[begin], *_answers(messages[begin], messages[begin + 1 :])]
    return Turn(members, is_whole_end=len(members) == len(messages) - begin)


def _answers(question: Message, following: Sequence[Message]) -> Iterator[Message]:
    is_next = False
    for message in following:
        named = message.metadata.get("reply_to")
        is_next = is_next or is_question(message)
        if named == question.id or (named is None and not is_next):
            yield message


def _terminal(question: Message) -> object:
    return question.metadata.get(TERMINAL)
