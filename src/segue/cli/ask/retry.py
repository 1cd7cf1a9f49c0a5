"""`segue ask --retry`: remove the replies that another one replaces."""

from segue.cli.ask.delivery import call_with_retry
from segue.cli.daemon_client import DaemonClient
from segue.cli.output.terminal import warn
from segue.client import ClientError
from segue.errors import SegueError
from segue.models import Session
from segue.results import DeletedCount


def remove_replies(daemon: DaemonClient, session: Session, reply_ids: tuple[int, ...]) -> None:
    """Delete the replies that were replaced; if that fails, say which are left."""
    try:
        call_with_retry(daemon, "message.delete", DeletedCount, session_id=session.id, message_ids=[*reply_ids])
    except (ClientError, SegueError) as error:
        numbers = " ".join(f"'#{id}'" for id in reply_ids)
        warn(f"the old reply is still stored: {error}; remove it with: segue delete {numbers}")
