"""shell-gpt: one JSON list for each chat, without times, directories and models."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from segue.history.reader import Reading, read_json, texts
from segue.history.records import HistoryMessage, HistorySession


class ShellGpt:
    """The chats of shell-gpt."""

    name = "shell-gpt"

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folders of chats: the configured one, the one below the cache folder, the default one."""
        if folder := environment.get("CHAT_CACHE_PATH"):
            return [Path(folder)]
        temporary = Path(environment.get("TMPDIR") or tempfile.gettempdir())
        return [home / ".cache/shell_gpt/chat_cache", temporary / "chat_cache"]

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each chat."""
        yield from sorted(path for path in root.glob("*") if path.is_file())

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return the chat of a file; its name is its id."""
        skipped: Counter[str] = Counter()
        found = read_json(item)
        if not isinstance(found, list):
            raise ValueError("not a list of messages")
        messages = []
        for index, message in enumerate(found):
            role = message.get("role") if isinstance(message, dict) else None
            if role in ("user", "assistant"):
                messages.append(HistoryMessage(key=str(index), role=role, text=texts(message.get("content"))))
            elif role != "system":
                skipped["damaged message"] += 1
        return Reading([HistorySession(id=item.name, path=str(item), messages=messages)], skipped)

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return `sgpt --chat`, which needs a prompt after it."""
        return ["sgpt", "--chat", session_id]
