"""Sessions of the histories in tests/data, as `session.export` would give them after an import.

`python -m tests.unit.history.histories` writes the briefs of `segue handoff` for them, to be read and committed.
"""

from pathlib import Path
from typing import Any

import msgspec

from segue.history.bundle import Bundle
from segue.history.convert import params_of, session_params, with_times
from segue.history.records import HistorySession
from segue.history.registry import readers
from segue.models import Message, Session
from segue.timestamps import milliseconds
from segue.workflows.handoff import brief

HISTORIES = Path(__file__).parents[2] / "data" / "histories"
HOME = "/home/ada"
"""The home folder of the machine on which the tools ran."""

BRIEF_TOKENS = 500

NOW = milliseconds("2026-11-29T00:00:00.000Z")

CORPORA = {
    **{name: name for name in ("aider", "boternity", "cherry2k", "claude", "cline", "codex", "copilot", "crush")},
    **{name: name for name in ("gemini", "goose", "gptme", "hfs", "kimi", "llm", "opencode", "qwen", "synapse")},
    "cn": "continue",
    "geminitui": "gemini",
    "kimicode": "kimi-code",
    "llmold": "llm",
    "opencodetui": "opencode",
    "qwentui": "qwen",
    "sgpt": "shell-gpt",
}
"""Each folder of histories and the tool that wrote it."""


def read(corpus: str) -> dict[str, HistorySession]:
    """Return the sessions of a folder by their ids, with paths as on the machine where they were written."""
    reader, home = readers()[CORPORA[corpus]], HISTORIES / corpus
    found: dict[str, HistorySession] = {}
    for root in reader.roots({}, home, "linux"):
        for item in reader.discover(root):
            sessions, skipped, _ = reader.read(item)
            found |= {session.id.replace(str(home), HOME): session for session in sessions}
            assert not skipped
    return found


def message_params(session: HistorySession) -> list[dict[str, Any]]:
    """Return the messages as parameters of `session.import`."""
    return [params for message, at in with_times(session, NOW) for params in params_of(message, at)]


def bundle_of(session: HistorySession) -> Bundle:
    """Return the session as an export of it would be."""
    about = session_params(session, NOW)
    row = dict.fromkeys(Session.__struct_fields__) | {"id": "2026-11-28-0344-041", "metadata": {}} | about
    messages: list[dict[str, Any]] = []
    for number, params in enumerate(message_params(session), 1):
        empty = dict.fromkeys(Message.__struct_fields__) | {"id": number, "metadata": {}, "is_summary": False}
        messages.append(empty | params)
    row["last_message_at"] = max((message["created_at"] or "" for message in messages), default="")
    return Bundle(session=row, messages=messages, summaries=[], memories=[])


def moved(bundle: Bundle, home: Path) -> Bundle:
    """Return the bundle with the paths of the machine where it was written."""
    text = msgspec.json.encode(bundle).replace(str(home).encode(), HOME.encode())
    return msgspec.json.decode(text, type=Bundle)


def briefs(corpus: str) -> str:
    """Return the briefs of all sessions of a folder, each of about 500 tokens."""
    found = [moved(bundle_of(session), HISTORIES / corpus) for _, session in sorted(read(corpus).items())]
    return "\n---\n\n".join(brief(bundle.session, bundle.messages, BRIEF_TOKENS) for bundle in found)


def brief_file(corpus: str) -> Path:
    """Return the file of the committed briefs."""
    return HISTORIES / corpus / "handoff.md"


if __name__ == "__main__":
    for name in CORPORA:
        brief_file(name).write_text(briefs(name), encoding="utf-8")
