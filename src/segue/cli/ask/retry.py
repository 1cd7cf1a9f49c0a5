"""`segue ask --retry`: find the last question and its replies, and remove the replies that another one replaces."""

from typing import NamedTuple

from segue.cli.ask.delivery import call_with_retry
from segue.cli.daemon_client import DaemonClient
from segue.cli.output.terminal import Failure, warn
from segue.client import ClientError
from segue.errors import SegueError
from segue.models import Message, Session
from segue.results import DeletedCount, MessagePage
from segue.workflows.transcript import last_turn

NEWEST = 200
"""Messages: how many of the newest are searched for the last question."""


class LastTurn(NamedTuple):
    """A question, and the messages that answer it."""

    question: Message
    reply_ids: tuple[int, ...]


def find_last_turn(daemon: DaemonClient, session: Session) -> LastTurn:
    """Return the last question of the session with its replies.

    Raises:
        Failure: None of the newest messages is a question.
    """
    pages = daemon.pages("message.list", MessagePage, NEWEST, session_id=session.id, order="desc")
    turn = last_turn([message for _, page in pages for message in page.messages][::-1])
    if not turn:
        raise Failure(f"session {session.id} has no question to repeat")
    question, *others = turn
    return LastTurn(question, tuple(other.id for other in others if _answers(other, question)))


def remove_replies(daemon: DaemonClient, session: Session, reply_ids: tuple[int, ...]) -> None:
    """Delete the replies that were replaced; if that fails, say which are left."""
    try:
        call_with_retry(daemon, "message.delete", DeletedCount, session_id=session.id, message_ids=[*reply_ids])
    except (ClientError, SegueError) as error:
        numbers = " ".join(f"'#{id}'" for id in reply_ids)
        warn(f"the old reply is still stored: {error}; remove it with: segue delete {numbers}")


def _answers(message: Message, question: Message) -> bool:
    """Return True unless the message answers another question, which a second terminal asked meanwhile."""
    return (message.metadata or {}).get("reply_to") in (None, question.id)
