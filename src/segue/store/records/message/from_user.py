"""Find messages of role `user` in a session where most are of other roles.

An index of them would be one more that an append changes. The figures for statistics have the number in each block of
4096 ids, so a search leaves out the blocks of a session without one. What is not counted, such as the newest messages,
is looked at.
"""

from collections.abc import Iterator

from segue.models import MAX_INTEGER
from segue.store.engine.tx import Tx

_UPTO = "coalesce((SELECT CAST(value AS INTEGER) FROM daemon_state WHERE name = 'figures_upto'), 0)"

FIRST_ID = f"""
    min({_UPTO} + 1,
        coalesce((SELECT block << 12 FROM message_figures
                  WHERE session_id = {{session}} AND user_messages > 0 ORDER BY block LIMIT 1), {MAX_INTEGER}),
        coalesce((SELECT block << 12 FROM message_recounts
                  WHERE session_id = {{session}} ORDER BY block LIMIT 1), {MAX_INTEGER}))
"""
"""SQL: an id, not after the first message of a user in the session."""

_RANGES = f"""
    SELECT {_UPTO} + 1 AS first, {MAX_INTEGER}
    UNION SELECT block << 12, min((block << 12) + 4095, {_UPTO}) FROM message_figures
    WHERE session_id = :session_id AND user_messages > 0
    UNION SELECT block << 12, min((block << 12) + 4095, {_UPTO}) FROM message_recounts WHERE session_id = :session_id
    ORDER BY first DESC
"""


def ranges_backwards(tx: Tx, session_id: str) -> Iterator[tuple[int, int]]:
    """Yield the first and the last id of each range that may hold a message of a user, the newest first."""
    yield from tx.run(_RANGES, session_id=session_id)
