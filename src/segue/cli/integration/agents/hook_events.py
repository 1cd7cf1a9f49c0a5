"""Read the events that agents give to the commands of their hooks.

Claude Code and Codex give a hook one JSON object on standard input. Codex's older `notify` gives one as the last
argument, after each turn, with all prompts of the conversation.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from segue.cli.output.terminal import Failure
from segue.errors import ParseError
from segue.jsonrpc.messages import parse_json

DIGEST_CHARS = 16


class Event(NamedTuple):
    """An event in the conversation of an agent."""

    conversation: str
    """The agent's ID of the conversation."""
    directory: str
    starts: bool = False
    prompts: Sequence[str] = ()
    """The newest prompt, after earlier ones of which segue may have some."""
    reply: str = ""
    turn: str = ""
    """The agent's ID of the turn, or an empty text."""

    def messages(self, last_prompt: str | None) -> list[dict[str, str]]:
        """Return the messages to append. `last_prompt` is the last one that is stored.

        The keys make an event that is repeated harmless. A turn may have several replies, if a hook lets the agent go
        on.
        """
        said = [("user", text) for text in _unstored(self.prompts, last_prompt)] + [("assistant", self.reply)]
        return [{"role": role, "content": text, "key": self._key(role, text)} for role, text in said if text.strip()]

    def _key(self, role: str, text: str) -> str:
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:DIGEST_CHARS]
        return f"{self.turn or uuid4()}/{role}/{digest}"


def read_event(data: bytes) -> Event | None:
    """Return the event, or None for one that segue does not store.

    Raises:
        Failure: It is not an event of a known form.
    """
    try:
        given = parse_json(data)
    except ParseError:
        given = None
    if not isinstance(given, dict):
        raise Failure("the event is not a JSON object; the agent gives it, see: segue help recipes")
    if given.get("type") == "agent-turn-complete":
        return Event(
            _conversation(given, "thread-id"),
            _directory(given),
            prompts=_texts(given, "input-messages"),
            reply=_text(given, "last-assistant-message", needed=False),
            turn=_text(given, "turn-id", needed=False),
        )
    name = given.get("hook_event_name")
    if name not in ("SessionStart", "UserPromptSubmit", "Stop"):
        return None
    event = Event(_conversation(given, "session_id"), _directory(given))
    turn = _text(given, "prompt_id", needed=False) or _text(given, "turn_id", needed=False)
    if name == "SessionStart":
        return event._replace(starts=True)
    if name == "UserPromptSubmit":
        return event._replace(prompts=[_text(given, "prompt")], turn=turn)
    has_reply = given.get("last_assistant_message", "") is not None  # Null: the turn ended without words.
    return event._replace(reply=_text(given, "last_assistant_message") if has_reply else "", turn=turn)


def _text(given: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    found = given.get(name)
    if isinstance(found, str):
        return found
    if needed:
        raise Failure(f"the event has no {name}; update the agent")
    return ""


def _conversation(given: Mapping[str, Any], name: str) -> str:
    if found := _text(given, name):
        return found
    raise Failure(f"the event has an empty {name}")


def _directory(given: Mapping[str, Any]) -> str:
    found = _text(given, "cwd")
    if not found.startswith("/") or "\0" in found:
        raise Failure(f"the event has the cwd {found!r}, which is not an absolute path")
    return found


def _texts(given: Mapping[str, Any], name: str) -> list[str]:
    found = given.get(name)
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise Failure(f"the event has no {name}; update the agent")
    return found


def _unstored(prompts: Sequence[str], last: str | None) -> Sequence[str]:
    """Return the newest prompt, and those before it that came after the last one that is stored."""
    if last is None:
        return prompts
    earlier = prompts[:-1]
    after = next((at for at in range(len(earlier), 0, -1) if earlier[at - 1] == last), len(earlier))
    return prompts[after:]
