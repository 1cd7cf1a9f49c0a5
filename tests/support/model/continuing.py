"""The plain model's choice of the session that a directory, a project or a terminal continues."""

from typing import Any

from tests.support.model.sessions import session_create
from tests.support.model.world import Row, World, changed, find_bot, milliseconds

CONTINUITY_MS = 4 * 3_600_000
TERMINAL_REFRESH_MS = 60_000


def session_resolve(
    world: World,
    *,
    working_dir: str,
    bot_id: str = "default",
    create: bool = True,
    project: str | None = None,
    scope: str = "directory",
    terminal: str | None = None,
    writes: bool = False,
    **fresh: Any,
) -> Row:
    """Note the terminal in any case, as an append does, if it `writes`."""
    find_bot(world, bot_id)
    place = sessions_of_place(world, working_dir, bot_id, project, scope)
    there = sorted((one for one in place if not one["archived"]), key=lambda one: world.used[one["id"]])
    free = [one for one in there if terminal is None or not _is_held(world, one["id"], terminal)]
    own = [one for one in there if world.terminals.get(one["id"], ("", 0))[0] == terminal]
    for candidates in (own, free):
        unended = [one for one in candidates if one["status"] != "completed"]
        if unended and _idle_ms(world, unended[-1]) < CONTINUITY_MS:
            return _resumed(world, unended[-1], there, terminal, writes)
    newest = free[-1] if free else None
    made = None
    if create:
        made = session_create(world, working_dir=working_dir, bot_id=bot_id, project=project, **fresh)
        _note_terminal(world, made["id"], terminal)
    reason = "none" if newest is None else "ended" if newest["status"] == "completed" else "expired"
    return {
        "session": made, "resumed": False, "reason": reason, "others": _count_others(world, there, made, terminal),
        "idle_seconds": _idle_ms(world, newest) // 1000 if newest else None,
        "previous": newest["id"] if newest else None,
    }  # fmt: skip


def sessions_of_place(world: World, working_dir: str, bot_id: str, project: str | None, scope: str) -> list[Row]:
    member, value = ("project", project) if scope == "project" and project is not None else ("working_dir", working_dir)
    return [one for one in world.sessions.values() if (one[member], one["bot_id"]) == (value, bot_id)]


def _resumed(world: World, session: Row, there: list[Row], terminal: str | None, writes: bool) -> Row:
    idle = _idle_ms(world, session) // 1000
    name, at = world.terminals.get(session["id"], (None, 0))
    if writes or session["status"] != "active" or name != terminal or at <= world.now - TERMINAL_REFRESH_MS:
        _note_terminal(world, session["id"], terminal)
    if session["status"] == "crashed":
        session.update(status="active", ended_at=None)
        changed(world, session)
    others = _count_others(world, there, session, terminal)
    return {
        "session": session, "resumed": True, "reason": "recent", "idle_seconds": idle, "previous": None,
        "others": others,
    }  # fmt: skip


def _note_terminal(world: World, session_id: str, terminal: str | None) -> None:
    if terminal is not None:
        world.terminals[session_id] = (terminal, world.now)


def _is_held(world: World, session_id: str, terminal: str | None) -> bool:
    name, at = world.terminals.get(session_id, (terminal, 0))
    return name != terminal and world.now - at < CONTINUITY_MS


def _count_others(world: World, there: list[Row], session: Row | None, terminal: str | None) -> int:
    active = [one for one in there if one["status"] == "active" and one is not session]
    return len([one for one in active if _is_held(world, one["id"], terminal)])


def _idle_ms(world: World, session: Row) -> int:
    return max(0, world.now - milliseconds(session["last_message_at"]))
