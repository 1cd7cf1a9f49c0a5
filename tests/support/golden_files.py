"""A database and an exchange of lines of this version, kept as test data for every later version.

`python -m tests.support.golden_files` makes `tests/data/schema-N.db` and `tests/data/protocol-N.jsonl` for the current
schema and protocol, unless they exist. Released files are never replaced, because a replaced file would hide that old
ones can no longer be read.
"""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from segue import PROTOCOL
from segue.store.engine.migrate import load_migrations
from tests.support.process import Segued
from tests.support.wire import Wire

DATA = Path(__file__).parent.parent / "data"
CONFIG = "[session]\nauto_cleanup = false\nretention_days = 0\n"
"""The configuration without cleanup, which would delete the old sessions."""

WRITES: list[tuple[str, dict[str, Any]]] = [
    ("daemon.ping", {}),
    ("bot.create", {"bot_id": "ada", "description": "counts"}),
    ("session.create", {"id": "plain", "working_dir": "/work/a", "model": "m", "system_prompt": "Be brief."}),
    ("session.create", {"id": "hers", "bot_id": "ada", "pinned": True, "metadata": {"k": [1, None, "é"]}}),
    (
        "message.append",
        {"session_id": "plain", "role": "user", "content": "How do I sort a dict? 寿司 🍣", "key": "k1"},
    ),
    (
        "message.append_many",
        {
            "session_id": "plain",
            "messages": [
                {"role": "assistant", "content": "sorted(d)", "model": "m", "input_tokens": 3, "output_tokens": 5},
                {"role": "tool", "content": "", "parts": [{"type": "result", "text": "ok"}], "metadata": {"a": 1}},
                {
                    "role": "system",
                    "content": "All so far.",
                    "is_summary": True,
                    "stop_reason": "end",
                    "response_ms": 7,
                },
                {"role": "user", "content": "x" * 9000},
            ],
        },
    ),
    ("message.append", {"session_id": "hers", "role": "user", "content": "Remember the milk", "token_count": 4}),
    ("summary.save", {"session_id": "plain", "summary": "s", "messages_start": 1, "messages_end": 3, "token_count": 9}),
    ("memory.save", {"fact": "old", "category": "fact", "importance": 2, "bot_id": "ada", "session_id": "hers"}),
    ("memory.save", {"fact": "new", "category": "fact", "importance": 5, "bot_id": "ada", "supersedes": 1}),
    ("extraction.enqueue", {"session_id": "hers"}),
    ("extraction.claim", {"limit": 1}),
    ("extraction.fail", {"extraction_id": 1, "error": "no model"}),
    ("session.create", {"id": "gone"}),
    ("message.append", {"session_id": "gone", "role": "user", "content": "to be deleted"}),
    ("session.delete", {"session_id": "gone"}),
    ("session.create", {"id": "gone"}),
    ("session.end", {"session_id": "hers"}),
    ("session.resolve", {"working_dir": "/work/a"}),
    ("session.update", {"session_id": "plain", "no_such": 1}),
    ("no.method", {}),
]
READS: list[tuple[str, dict[str, Any]]] = [
    ("bot.list", {}),
    ("session.list", {}),
    ("session.get", {"session_id": "plain"}),
    ("session.get", {"session_id": "hers"}),
    ("session.get", {"session_id": "unknown"}),
    ("message.list", {}),
    ("message.count", {"session_id": "plain"}),
    ("message.search", {"query": "sort"}),
    ("message.search", {"query": "寿司"}),
    ("memory.list", {"bot_id": "ada", "include_superseded": True}),
    ("summary.latest", {"session_id": "plain"}),
    ("extraction.list", {"include_exhausted": True}),
    ("context.build", {"session_id": "plain"}),
    ("daemon.check", {"full": True}),
]


def database(schema: int) -> Path:
    """Return the file that the segue of SCHEMA wrote."""
    return DATA / f"schema-{schema}.db"


def exchange(protocol: int) -> Path:
    """Return the file with the requests and responses of PROTOCOL: first the writes, then the reads."""
    return DATA / f"protocol-{protocol}.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the exchange, each item with `request` and `answer`."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def ask_all(wire: Wire) -> list[dict[str, Any]]:
    """Send all requests and return each with its answer."""
    kept = []
    for number, (method, params) in enumerate([*WRITES, *READS]):
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        kept.append({"request": request, "answer": wire.ask(json.dumps(request).encode())})
    return kept


def main() -> None:
    """Make the missing files with the real daemon; the file of a new schema is migrated from the one before."""
    DATA.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        segued = Segued(Path(folder))
        segued.config.write_text(CONFIG)
        newest = len(load_migrations())
        if exchange(PROTOCOL).exists() and not database(newest).exists():
            segued.database.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(database(newest - 1), segued.database)
        with segued.start().connect() as wire:
            kept = [] if exchange(PROTOCOL).exists() else ask_all(wire)
        segued.finish()
        if not database(newest).exists():
            shutil.copyfile(segued.database, database(newest))
    if kept:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
        exchange(PROTOCOL).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
