"""The plain model's forks of sessions."""

import itertools
import re

from tests.support.model.messages import _count
from tests.support.model.sessions import session_create
from tests.support.model.world import Refused, Row, World, find, find_session, messages_of


def session_fork(world: World, *, session_id: str, upto_message_id: int | None = None, name: str | None = None) -> Row:
    origin = find_session(world, session_id)
    last = 2**63 if upto_message_id is None else upto_message_id
    if upto_message_id is not None and find(world.messages, "message", last)["session_id"] != session_id:
        raise Refused("invalid_params", path="$.upto_message_id")
    members = ("bot_id", "working_dir", "provider", "model", "system_prompt", "project", "tags")
    same = {member: origin[member] for member in members}
    metadata = {**origin["metadata"], "forked_from": session_id}
    if name is None and origin["name"] is not None:
        name = _fork_name(world, origin["name"])
    made = session_create(world, **same, name=name, metadata=metadata, parent_id=session_id)
    past = [message for message in messages_of(world, session_id) if message["id"] <= last]
    copies = {message["id"]: world.number("message") for message in past}
    for message in past:
        ended = {"state": "interrupted"} if message["state"] == "streaming" else {}
        world.messages.append({**message, **ended, "id": copies[message["id"]], "session_id": made["id"]})
    for member in ("input_tokens", "output_tokens"):
        made[member] = sum(message[member] or 0 for message in past)
    _count(world, made["id"])
    for summary in [one for one in world.summaries if one["session_id"] == session_id and one["messages_end"] <= last]:
        upto_end = [id for id in copies if id <= summary["messages_end"]]
        covered = [id for id in upto_end if id >= summary["messages_start"]] or upto_end[-1:]
        range = {"messages_start": copies[covered[0]], "messages_end": copies[covered[-1]]} if covered else {}
        world.summaries.append({**summary, "id": world.number("summary"), "session_id": made["id"], **range})
    return made


def _fork_name(world: World, name: str) -> str:
    base = re.sub(r" \(fork( [0-9]+)?\)$", "", name)
    names = {session["name"] for session in world.sessions.values()}
    for number in itertools.count(1):
        suffix = " (fork)" if number == 1 else f" (fork {number})"
        if (found := base[: 255 - len(suffix)] + suffix) not in names:
            return found
    raise AssertionError
