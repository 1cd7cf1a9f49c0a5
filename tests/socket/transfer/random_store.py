"""A store that random calls fill with bots, sessions, messages, summaries, memories and extractions."""

import random
from typing import Any

from tests.support.inprocess import Server

WORDS = [
    "zebra",
    "naïve café",
    "図書館で",
    "getUserById",
    "\U0001f993 \u0301",
    "two\nlines",
    "  spaces  ",
    '"quoted" \\ back',
    "x" * 300,
]


class RandomStore:
    """A store that is filled by random calls."""

    def __init__(self, server: Server, seed: int) -> None:
        self.random = random.Random(seed)
        self.server = server
        self.wire = server.connect()
        self.bots = ["default"]
        self.sessions: list[str] = []
        self.memories: list[dict[str, Any]] = []

    def fill(self, steps: int) -> None:
        self.add_session()
        actions = [
            *(
                self.add_session,
                self.add_message,
                self.add_message,
                self.add_message,
                self.add_bot,
                self.change_session,
            ),
            *(self.change_message, self.delete_messages, self.summarize, self.remember, self.remember),
            *(self.fork, self.end, self.import_session, self.delete_session, self.enqueue, self.fail_extraction),
        ]
        for _ in range(steps):
            self.server.clock.pass_time(self.random.choice([0, 1, 997, 3_600_000]))
            self.random.choice(actions)()

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def flip(self) -> bool:
        return self.random.random() < 0.5

    def session(self) -> str:
        return str(self.random.choice(self.sessions))

    def messages(self, session: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.wire.call("message.list", session_id=session)["messages"]
        return found

    def about(self) -> dict[str, Any]:
        given = {
            "name": self.pick(None, "a name", "図書館"),
            "provider": self.pick(None, "anthropic"),
            "model": self.pick(None, "m-1"),
            "system_prompt": self.pick(None, "Be brief."),
            "working_dir": self.pick(None, "/srv/a", "/srv/b"),
            "project": self.pick(None, "/srv"),
            "tags": self.pick(None, ["b", "a"], ["ü"]),
            "metadata": self.pick({}, {"n": {"deep": [1, None, 2.5]}}),
            "retention_days": self.pick(None, 0, 400),
            "pinned": self.flip(),
        }
        return {name: value for name, value in given.items() if value is not None}

    def add_bot(self) -> None:
        id = f"bot-{len(self.bots)}"
        self.wire.call("bot.create", bot_id=id, name=self.pick(id, "Ada"), description=self.pick(None, "words"))
        self.bots.append(id)

    def add_session(self) -> None:
        parent = self.pick(None, *self.sessions)
        given = self.about() | ({"parent_id": parent} if parent else {})
        self.sessions.append(self.wire.call("session.create", bot_id=self.random.choice(self.bots), **given)["id"])

    def draft(self) -> dict[str, Any]:
        role = self.pick("user", "assistant", "tool", "system")
        draft: dict[str, Any] = {"role": role, "content": " ".join(self.random.choices(WORDS, k=2))}
        draft |= self.pick({}, {"parts": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]})
        draft |= self.pick({}, {"input_tokens": 5, "output_tokens": 7, "token_count": 12, "response_ms": 3})
        draft |= self.pick({}, {"key": f"k-{self.random.random()}"}, {"indexed": False}, {"model": "m-2"})
        draft |= self.pick({}, {"metadata": {"injected": True}}, {"stop_reason": "end_turn"})
        return draft | ({"is_summary": True} if role == "system" and self.flip() else {})

    def add_message(self) -> None:
        self.wire.call("message.append", session_id=self.session(), **self.draft())

    def change_session(self) -> None:
        change = self.pick({"archived": True}, {"pinned": True}, {"name": "renamed"}, {"tags": []}, {"metadata": None})
        self.wire.call("session.update", session_id=self.session(), **change)

    def change_message(self) -> None:
        if found := self.messages(self.session()):
            self.wire.call("message.update", message_id=self.random.choice(found)["id"], content="edited")

    def delete_messages(self) -> None:
        session = self.session()
        if found := self.messages(session):
            self.wire.call("message.delete", session_id=session, message_ids=[self.random.choice(found)["id"]])

    def summarize(self) -> None:
        session = self.session()
        if ids := [message["id"] for message in self.messages(session)]:
            start, end = sorted(self.random.choices(ids, k=2))
            about = {"session_id": session, "messages_start": start, "messages_end": end}
            self.wire.call("summary.save", **about, summary=f"about {self.random.choice(WORDS)}", token_count=9)

    def remember(self) -> None:
        bot, session = self.random.choice(self.bots), self.pick(None, self.session())
        current = [memory["id"] for memory in self.memories if memory["bot_id"] == bot]
        given: dict[str, Any] = {"bot_id": bot, "session_id": session, "is_manual": self.flip()}
        if session and (found := self.messages(session)):
            given["source_message_id"] = self.random.choice(found)["id"]
        if current and self.flip():
            given["supersedes"] = self.random.choice(current)
            self.memories = [memory for memory in self.memories if memory["id"] != given["supersedes"]]
        fact = f"{self.random.choice(WORDS)} {self.random.random()}"
        category = self.pick("preference", "fact", "decision")
        saved = self.wire.call("memory.save", fact=fact, category=category, importance=self.pick(1, 3, 5), **given)
        self.memories.append(saved)

    def enqueue(self) -> None:
        self.wire.call("extraction.enqueue", session_id=self.session())

    def fail_extraction(self) -> None:
        for entry in self.wire.call("extraction.claim", limit=1)["extractions"]:
            if self.flip():
                self.wire.call("extraction.fail", extraction_id=entry["id"], error="no model")

    def fork(self) -> None:
        self.sessions.append(self.wire.call("session.fork", session_id=self.session())["id"])

    def end(self) -> None:
        self.wire.call("session.end", session_id=self.session(), status=self.pick("completed", "crashed"))

    def import_session(self) -> None:
        source = {"tool": "claude", "id": f"s-{self.random.random()}", "path": self.pick(None, "/home/ada/s.jsonl")}
        messages = [
            {**self.draft(), "key": f"k-{number}", "created_at": "2026-01-30T03:00:00.000Z"} for number in (1, 2)
        ]
        session = {"name": "imported", "created_at": "2026-01-30T03:00:00.000Z", "working_dir": "/srv/a"}
        found = self.wire.call("session.import", source=source, session=session, messages=messages)
        self.sessions.append(found["session_id"])

    def delete_session(self) -> None:
        if len(self.sessions) > 2:
            session = self.sessions.pop(self.random.randrange(len(self.sessions)))
            self.wire.call("session.delete", session_id=session)
