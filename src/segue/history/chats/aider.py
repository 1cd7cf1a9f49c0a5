"""aider: `.aider.chat.history.md` in each repository, Markdown without times of messages.

`# aider chat started at TIME` begins a session, `#### ` a line of the user, `> ` a line of aider's own output; the rest
is the model's answer. An answer that contains such lines is cut there.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.lines import Lines, continue_lines
from segue.history.reader import Reading, from_local
from segue.history.records import HistoryMessage, HistorySession

FILE = ".aider.chat.history.md"
STARTED = "# aider chat started at "
MODEL = "> Model: "
FOLDERS_DEEP = 4
"""Levels below the home folder in which repositories are looked for; aider keeps no list of them."""


class Aider:
    """The histories of aider."""

    name = "aider"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the named file, or the home folder, below which repositories are."""
        return [Path(environment.get("AIDER_CHAT_HISTORY_FILE") or home)]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the file of each repository below the root, down to four levels; hidden folders are left out."""
        if root.is_file():
            yield root
        top = len(root.parts)
        for folder, names, files in os.walk(root):
            if FILE in files:
                yield Path(folder) / FILE
            deep = len(Path(folder).parts) - top >= FOLDERS_DEEP
            names[:] = [] if deep else sorted(name for name in names if not name.startswith((".", "node_modules")))

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return every session of a file."""
        skipped: Counter[str] = Counter()
        lines = continue_lines(item, cursor, _Chats)
        chats = lines.state
        for line in lines.read(skipped):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if text.startswith(STARTED):
                _close(chats.sessions, chats.newest)
                started = text.removeprefix(STARTED).strip()
                chats.sessions.append(_session(item, started, lines.offset - len(line), chats.sessions))
                chats.newest = []
            elif chats.sessions:
                chats.newest.append(text)
        _close(chats.sessions, chats.newest)
        return Reading(chats.sessions, skipped, lines)

    def count(self, item: Path) -> int:
        """Return the number of sessions."""
        return sum(line.startswith(STARTED.encode()) for line in Lines(item, None).read(Counter()))

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `aider --restore-chat-history`, which continues the newest session of the directory."""
        return ["aider", "--restore-chat-history"]


class _Chats:
    """The sessions of a file, and the lines of the newest one."""

    def __init__(self) -> None:
        self.sessions: list[HistorySession] = []
        self.newest: list[str] = []


def _session(item: Path, started: str, offset: int, before: list[HistorySession]) -> HistorySession:
    session_id = f"{item}#{started}"
    if any(session.id == session_id for session in before):  # Two runs within a second.
        session_id += f"#{offset}"
    return HistorySession(id=session_id, path=str(item), directory=str(item.parent), started_at=from_local(started))


def _close(sessions: list[HistorySession], lines: list[str]) -> None:
    """Turn the lines of the newest session into its messages."""
    if not sessions:
        return
    session, turns = sessions[-1], _Turns()
    for line in lines:
        if line.startswith("#### "):
            turns.add_question(line.removeprefix("#### ").rstrip())
        elif not line.startswith("> ") and line != ">":
            turns.answer.append(line)
        elif line.startswith(MODEL):
            session.model = line.removeprefix(MODEL).partition(" with ")[0].strip()
    session.messages = turns.finish()
    for message in session.messages:
        message.model = session.model if message.role == "assistant" else None


class _Turns:
    """The lines of a session, sorted into questions and answers."""

    def __init__(self) -> None:
        self.question: list[str] = []
        self.answer: list[str] = []
        self.messages: list[HistoryMessage] = []

    def add_question(self, line: str) -> None:
        """Take a line of the user; after an answer it begins the next turn."""
        if any(text.strip() for text in self.answer):
            self.finish()
        self.question.append(line)

    def finish(self) -> list[HistoryMessage]:
        """End the turn and return the messages of all turns."""
        question, answer = "\n".join(self.question).strip(), "\n".join(self.answer).strip("\n")
        if question:
            self.messages.append(HistoryMessage(key=str(len(self.messages)), role="user", text=question))
        if answer.strip():
            self.messages.append(HistoryMessage(key=str(len(self.messages)), role="assistant", text=answer))
        self.question, self.answer = [], []
        return self.messages
