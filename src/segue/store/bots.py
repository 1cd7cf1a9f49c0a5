"""Bots: who owns sessions and memories."""

from segue.errors import NotFound
from segue.store.tx import Tx


def require(tx: Tx, bot_id: str) -> None:
    """NotFound unless there is such a bot."""
    if tx.run("SELECT 1 FROM bots WHERE id = :id", id=bot_id).fetchone() is None:
        raise NotFound("bot", bot_id)
