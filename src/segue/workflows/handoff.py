"""A brief from which another tool or person continues a session, made without a model.

1. Goal: the first and the newest message of the user.
2. Constraints: sentences of the user that order or forbid something.
3. Work: files that were read and changed, commands with their outcome, errors that no later run of the same command
   resolved. All of it comes from calls of tools.
4. The last turns, word for word, as many as the budget has room for, without those that a rewind left.

The sections are filled in the order of their importance. The same session and budget give the same brief.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from segue.conversation.parts import estimate_tokens, tool_calls, tool_results
from segue.shell.prompt_text import plain_name

GOAL_TOKENS, LINE_TOKENS = 400, 60
"""Tokens of a message of the goal, and of any other line. Longer texts are cut."""

SECTION_LINES = 30
"""Lines of one section; the newest ones are kept."""

READS = frozenset(
    {"read", "read_file", "readfile", "view", "view_file", "read_files", "open_file", "cat", "notebookread"}
)
WRITES = frozenset(
    (
        *("write", "write_file", "writefile", "create", "create_file", "edit", "edit_file", "multiedit", "multi_edit"),
        *("str_replace", "str_replace_editor", "str_replace_based_edit_tool", "strreplacefile", "replace"),
        *("apply_patch", "patch", "patch_many", "notebookedit", "save", "append", "replace_in_file", "write_to_file"),
    )
)
COMMANDS = frozenset(
    (
        *("bash", "shell", "exec", "exec_command", "run_shell_command", "run_command", "run_commands", "terminal"),
        *("execute_command", "local_shell_call", "developer__shell", "run_terminal_cmd", "run_in_terminal"),
    )
)
PATH_MEMBERS = ("file_path", "path", "filePath", "filepath", "filename", "file", "absolute_path", "notebook_path")

_ORDERS = (
    *("must", "never", "always", "don['\u2019]t", "do not", "only", "instead of", "rather than", "prefer", "avoid"),
    *("keep", "without", "make sure", "no longer", "has to", "have to", "should", "shall", "required?"),
)
_CONSTRAINT = re.compile(rf"\b({'|'.join(_ORDERS)})\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.+)$", re.MULTILINE)


class Command(NamedTuple):
    """A command that a tool ran; `failed` is None without a result."""

    line: str
    failed: bool | None
    output: str


class Work(NamedTuple):
    """The effects of the calls of a session, in order and without repetition."""

    read: list[str]
    changed: list[str]
    commands: list[Command]


def brief(session: dict[str, Any], messages: Sequence[dict[str, Any]], budget: int) -> str:
    """Return the brief as Markdown of at most about `budget` tokens, but at least its heading and the newest turn."""
    said = [message["content"] for message in messages if _is_said(message)]
    work = find_work(messages)
    sections = [
        ("Goal", _goal(said)),
        ("Constraints that the user stated", _bullets(constraints(said))),
        ("Open errors", _bullets(_error(command) for command in open_errors(work.commands))),
        ("Files changed", _bullets(f"`{path}`" for path in work.changed)),
        ("Commands", _bullets(_outcome(command) for command in work.commands)),
        ("Files read", _bullets(f"`{path}`" for path in work.read if path not in work.changed)),
    ]
    heading = _heading(session, len(messages))
    left = budget - estimate_tokens(heading, None)
    shown = [heading]
    for title, lines in sections:
        kept = _within(lines, left // 2)
        if kept:
            shown.append(f"## {title}\n\n" + ("\n\n" if title == "Goal" else "\n").join(kept))
            left -= estimate_tokens(shown[-1], None)
    if turns := _last_turns(messages, left):
        shown.append("## Last turns\n\n" + "\n\n".join(turns))
    return "\n\n".join(shown) + "\n"


def find_work(messages: Sequence[dict[str, Any]]) -> Work:
    """Return the files and commands of the calls in the messages."""
    results = {result.id: result for message in messages for result in tool_results(message["parts"])}
    read: dict[str, None] = {}
    changed: dict[str, None] = {}
    commands: list[Command] = []
    for message in messages:
        for call in tool_calls(message["parts"]):
            name, result = call.name.lower(), results.get(call.id)
            if name in READS:
                read |= dict.fromkeys(_paths(call.arguments))
            elif name in WRITES and not (result and result.is_error):
                changed |= dict.fromkeys(_paths(call.arguments))
            elif name in COMMANDS:
                failed = None if result is None else result.is_error
                commands += [Command(line, failed, result.text if result else "") for line in _lines(call.arguments)]
    return Work(list(read), list(changed), commands)


def constraints(said: Sequence[str]) -> list[str]:
    """Return the sentences of the user that order or forbid something, in order and without repetition."""
    found: dict[str, None] = {}
    for text in said:
        for sentence in _SENTENCE.findall(text):
            if _CONSTRAINT.search(sentence) and "?" not in sentence:
                found[" ".join(sentence.split())] = None
    return list(found)


def open_errors(commands: Sequence[Command]) -> list[Command]:
    """Return the failed commands that no later run of the same command resolved."""
    last = {command.line: command for command in commands if command.failed is not None}
    return [command for command in last.values() if command.failed]


def _is_said(message: dict[str, Any]) -> bool:
    metadata = message["metadata"]
    marked = metadata.get("injected") or metadata.get("abandoned")
    return bool(message["role"] == "user" and message["content"].strip() and not marked)


def _is_answer(message: dict[str, Any]) -> bool:
    return bool(
        message["role"] == "assistant" and message["content"].strip() and not message["metadata"].get("abandoned")
    )


def _heading(session: dict[str, Any], count: int) -> str:
    facts = [session["working_dir"], session["model"], f"{count} messages", f"last {session['last_message_at']}"]
    name = " ".join(plain_name(session["name"], session["id"]).split())
    return f"# Handoff: {name}\n\n{' · '.join(fact for fact in facts if fact)}"


def _goal(said: list[str]) -> list[str]:
    wanted = said[:1] + (said[-1:] if len(said) > 1 else [])
    labels = ("First request", "Newest request")
    return [f"**{label}:** {_cut(text.strip(), GOAL_TOKENS)}" for label, text in zip(labels, wanted, strict=False)]


def _bullets(lines: Iterator[str] | Sequence[str]) -> list[str]:
    return [f"- {_cut(line, LINE_TOKENS)}" for line in lines][-SECTION_LINES:]


def _outcome(command: Command) -> str:
    outcome = {None: "no result", True: "failed", False: "ok"}[command.failed]
    return f"`{_code(command.line)}`: {outcome}"


def _error(command: Command) -> str:
    lines = [line.strip() for line in command.output.splitlines() if line.strip()]
    return f"`{_code(command.line)}`: {_code(lines[-1]) if lines else 'failed'}"


def _last_turns(messages: Sequence[dict[str, Any]], left: int) -> list[str]:
    turns: list[str] = []
    for message in reversed(messages):
        if not _is_said(message) and not _is_answer(message):
            continue
        turn = f"**{message['role'].capitalize()}:**\n\n{message['content'].strip()}"
        left -= estimate_tokens(turn, None)
        if left < 0 and turns:
            break
        turns.append(turn)
    return turns[::-1]


def _within(lines: Sequence[str], tokens: int) -> list[str]:
    """Return the newest lines that fit."""
    kept: list[str] = []
    for line in reversed(lines):
        tokens -= estimate_tokens(line, None)
        if tokens < 0:
            break
        kept.append(line)
    return kept[::-1]


def _paths(arguments: Any) -> list[str]:
    if isinstance(arguments, str):
        return _PATCHED.findall(arguments)
    if not isinstance(arguments, dict):
        return []
    found = [arguments[name] for name in PATH_MEMBERS if isinstance(arguments.get(name), str)][:1]
    for several in (arguments.get("files"), arguments.get("edits")):
        for entry in several if isinstance(several, list) else []:
            found += _paths(entry)
    return found + _PATCHED.findall(str(arguments.get("input") or arguments.get("patch") or ""))


def _lines(arguments: Any) -> list[str]:
    if not isinstance(arguments, dict):
        return []
    given = arguments.get("command", arguments.get("cmd", arguments.get("commands", [])))
    if isinstance(given, str):
        return [given]
    words = [word for word in given if isinstance(word, str)] if isinstance(given, list) else []
    if "commands" in arguments:
        return words
    return [" ".join(words)] if words else []


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def _cut(text: str, tokens: int) -> str:
    if estimate_tokens(text, None) <= tokens:
        return text
    while estimate_tokens(text, None) > tokens:
        text = text[: len(text) * 9 // 10]
    return f"{text}…"
