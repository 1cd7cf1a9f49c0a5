"""What a person does on one machine of a history, at random."""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from segue.errors import Conflict, InvalidParams, NotFound
from segue.models import Draft, MemoryDraft
from segue.store.engine.tx import Tx
from segue.store.maintenance import scrub
from segue.store.records import append, bots, forks, memories, messages, retention, session_update, sessions, summaries
from segue.store.records.append import prepare
from segue.store.records.message import edit, replace, stream
from segue.store.records.retention import ExpiredSession
from tests.support.sync.machine import Machine


class Said:
    """What was answered in a history: each text with the uid of its session, and the texts that were deleted."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}
        self.gone: set[str] = set()
        """Texts that may be gone, because a deletion took them or the disk that held them was replaced."""
        self.deleted: set[str] = set()
        """Texts that were deleted by a person, so they must be nowhere."""
        self.number = 0
        self.dead: set[bytes] = set()
        """Sessions that were deleted, with what other machines said in them without knowing it."""

    def word(self) -> str:
        self.number += 1
        return f"word{self.number:05d}x"


def random_action(machine: Machine, said: Said, random: Random) -> None:
    """Do one thing; what the store refuses is no fault."""
    action, _ = random.choices(ACTIONS, weights=[weight for _, weight in ACTIONS])[0]
    with suppress(NotFound, Conflict, InvalidParams):
        action(machine, said, random)


def sessions_of(machine: Machine) -> list[str]:
    return [id for (id,) in machine.store.connection.execute("SELECT id FROM sessions ORDER BY id")]


def uid_of(machine: Machine, session_id: str) -> bytes:
    sql = "SELECT uid FROM sync_sessions WHERE id = ?"
    return bytes(machine.store.connection.execute(sql, (session_id,)).fetchone()[0])


def texts_in(machine: Machine, session_id: str) -> dict[int, str]:
    sql = """
        SELECT id, content FROM messages
        WHERE session_id = :id AND id >= coalesce((SELECT before_id FROM purges WHERE session_id = :id), 0)
    """
    return dict(machine.store.connection.execute(sql, {"id": session_id}))


def _pick(machine: Machine, random: Random) -> str:
    found = sessions_of(machine)
    if not found:
        raise NotFound("session", "")
    return random.choice(found)


def _draft(said: Said, random: Random, role: str = "user") -> Any:
    word = said.word()
    return word, prepare(Draft(role=role, content=word, input_tokens=random.randrange(9)), 10**6)  # type: ignore[arg-type]


def create(machine: Machine, said: Said, random: Random) -> None:
    id = random.choice([None, None, "given-0", "given-1", "given-2"])
    bot_id = random.choice([row[0] for row in machine.store.connection.execute("SELECT id FROM bots")])
    machine.do(
        sessions.create,
        id=id,
        bot_id=bot_id,
        working_dir=random.choice([f"{machine.home.path}/work", "/srv/x", None]),
        system_prompt=random.choice([None, "be kind"]),
    )


def add(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    for _ in range(random.choice([1, 1, 2, 5])):
        word, new = _draft(said, random, random.choice(["user", "assistant"]))
        machine.do(append.append, session_id, new)
        said.texts[word] = uid_of(machine, session_id)


def stream_one(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    open_one = machine.store.connection.execute("SELECT id FROM messages WHERE state = 'streaming'").fetchone()
    if open_one is None:
        new = prepare(Draft(role="assistant", content=""), 10**6, state="streaming")
        machine.do(stream.begin, session_id, new, append.DEFAULTS)
    else:
        word = said.word()
        message = machine.do(stream.finish, open_one[0], word, {})
        said.texts[word] = uid_of(machine, message.session_id)


def change_session(machine: Machine, said: Said, random: Random) -> None:
    changes = random.choice(
        [
            {"name": f"name {random.random()}"},
            {"pinned": random.random() < 0.5},
            {"tags": [random.choice("abc")]},
            {"metadata": {"n": random.randrange(99)}},
            {"archived": random.random() < 0.5},
            {"working_dir": f"{machine.home.path}/{random.choice('pq')}", "project": f"{machine.home.path}/p"},
            {"retention_days": random.choice([None, 0, 5])},
            {"parent_id": _pick(machine, random)},
        ]
    )
    machine.do(session_update.update, _pick(machine, random), changes)


def end(machine: Machine, said: Said, random: Random) -> None:
    machine.do(sessions.end, _pick(machine, random), random.choice(["completed", "crashed"]))


def resume(machine: Machine, said: Said, random: Random) -> None:
    machine.do(sessions.resume, _pick(machine, random))


def delete_session(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    uid = uid_of(machine, session_id)
    machine.do(sessions.delete, session_id)
    said.dead.add(uid)


def expire(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    texts = texts_in(machine, session_id)
    activity, days = machine.store.connection.execute(
        "SELECT activity, retention_days FROM sessions WHERE id = ?", (session_id,)
    ).fetchone()
    if machine.do(retention.delete_if_unused, ExpiredSession(session_id, activity, days, 0)):
        said.gone |= set(texts.values())
        said.deleted |= set(texts.values())


def delete_before(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    texts = texts_in(machine, session_id)
    if texts:
        before = random.choice([*texts]) + random.randrange(2)
        machine.do(messages.delete_before, session_id, before)
        lost = {text for id, text in texts.items() if id < before}
        said.gone |= lost
        said.deleted |= lost


def delete_messages(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    texts = texts_in(machine, session_id)
    ids = random.sample([*texts], min(len(texts), random.randrange(1, 4)))
    machine.do(edit.delete, session_id, message_ids=ids, keys=None)
    said.gone |= {texts[id] for id in ids}
    said.deleted |= {texts[id] for id in ids}


def change_message(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    texts = texts_in(machine, session_id)
    if texts:
        id, word = random.choice([*texts]), said.word()
        machine.do(edit.update, id, {"content": word})
        # Of two changes on different machines one wins, so neither text is sure to stay.
        said.gone |= {texts[id], word}
        said.deleted.add(texts[id])
        said.texts[word] = uid_of(machine, session_id)


def replace_last(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    texts = texts_in(machine, session_id)
    word, new = _draft(said, random)
    machine.do(
        replace.replace, session_id, [new], append.DEFAULTS, from_id=None, last=1, key=None, return_removed=False
    )
    if texts:
        said.gone.add(texts[max(texts)])
        said.deleted.add(texts[max(texts)])
    said.texts[word] = uid_of(machine, session_id)


def fork(machine: Machine, said: Said, random: Random) -> None:
    machine.do(forks.fork, _pick(machine, random), None, None)


def save_memory(machine: Machine, said: Said, random: Random) -> None:
    current = [row[0] for row in machine.store.connection.execute("SELECT id FROM memories")]
    session_id = random.choice([None, *sessions_of(machine)[:2]])
    texts = texts_in(machine, session_id) if session_id else {}
    draft = MemoryDraft(
        fact=random.choice([f"fact {random.random()}", "fact a", "fact b"]),
        category="fact",
        importance=random.randrange(1, 6),
        source_message_id=random.choice([None, *texts]),
        supersedes=random.choice([None, *current]),
    )
    bot_id = random.choice([row[0] for row in machine.store.connection.execute("SELECT id FROM bots")])
    machine.do(memories.save, bot_id, session_id, draft)


def delete_memory(machine: Machine, said: Said, random: Random) -> None:
    found = [row[0] for row in machine.store.connection.execute("SELECT id FROM memories")]
    if found:
        machine.do(memories.delete, random.choice(found))


def change_bot(machine: Machine, said: Said, random: Random) -> None:
    bot_id = random.choice(["ann", "bob"])
    if random.random() < 0.6:
        machine.do(bots.create, bot_id, f"name {random.random()}", None)
        return
    owned = "SELECT id FROM sessions WHERE bot_id = ?"
    uids = {uid_of(machine, id) for (id,) in machine.store.connection.execute(owned, (bot_id,)).fetchall()}
    machine.do(bots.delete_slice, bot_id)
    said.dead |= uids


def summarize(machine: Machine, said: Said, random: Random) -> None:
    session_id = _pick(machine, random)
    ids = sorted(random.choices([*texts_in(machine, session_id)] or [0], k=2))
    machine.do(summaries.save, session_id, f"summary {random.random()}", ids[0], ids[1], 3)


def redact(machine: Machine, said: Said, random: Random) -> None:
    """Store a secret, and redact it later on any machine."""
    rows = machine.store.connection.execute("SELECT rowid FROM messages WHERE content LIKE '%sk-ant-%'").fetchall()
    if rows:
        machine.do(scrub.redact_row, "messages", rows[0][0])
        return
    session_id = _pick(machine, random)
    word = said.word()
    secret = f"sk-ant-api03-{word}{'Ab3dEf7h' * 12}"
    new = prepare(Draft(role="user", content=f"{word} {secret}"), 10**6)
    machine.do(append.append, session_id, new)


def purge(machine: Machine, said: Said, random: Random) -> None:
    machine.purge()


Action = Callable[[Machine, Said, Random], None]

ACTIONS: list[tuple[Action, int]] = [
    (create, 12), (add, 30), (stream_one, 5), (change_session, 12), (end, 3), (resume, 3), (delete_session, 4),
    (expire, 4), (delete_before, 3), (delete_messages, 4), (change_message, 5), (replace_last, 3), (fork, 3),
    (save_memory, 6), (delete_memory, 3), (change_bot, 4), (summarize, 3), (redact, 3), (purge, 3),
]  # fmt: skip

__all__ = ["Said", "Tx", "random_action"]
