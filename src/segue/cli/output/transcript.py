"""A conversation as readable text."""

from collections.abc import Iterator

from segue.cli.output.cells import width
from segue.cli.output.session_table import short_directory
from segue.cli.output.terminal import echo, escape_controls, escape_line, stdout_is_tty, styled, use_styles, when
from segue.models import Message, Session
from segue.workflows.labels import states
from segue.workflows.transcript import marks, tool_lines

COLORS = {"user": "cyan", "assistant": "green", "system": "yellow", "tool": "magenta"}


def session_lines(session: Session) -> Iterator[str]:
    """Yield the head of a transcript: the name, and one line for each attribute of the session."""
    yield styled(_wrapped(escape_line(session.name or session.id)), bold=True)
    attributes = {
        "id": session.id,
        "directory": short_directory(session.working_dir) if stdout_is_tty() else session.working_dir,
        "model": "/".join(part for part in (session.provider, session.model) if part),
        "status": ", ".join([session.status, *(state for state in states(session) if state == "pinned")]),
        "source": " ".join(part for part in (session.source.tool, session.source.path) if part)
        if session.source
        else None,
        "machine": session.machine or None,
        "system": session.system_prompt,
    }
    for label, value in attributes.items():
        if value:
            yield f"{label:<10}{escape_line(value)}"


def message_lines(message: Message) -> Iterator[str]:
    """Yield a message below a line with its ID, role, time and marks.

    A terminal gets the reply of an assistant rendered as Markdown and other text wrapped at words. A pipe gets the
    content unchanged.
    """
    title = [f"#{message.id}", message.role, when(message.created_at), *(f"[{mark}]" for mark in marks(message))]
    yield ""
    yield styled(escape_line(" ".join(title)), fg=COLORS[message.role], bold=True)
    if message.content:
        yield content(message)
    for line in tool_lines(message):
        yield styled(escape_line(line), dim=True)


def _wrapped(line: str) -> str:
    """Return a line for the output, wrapped at words if a terminal has no room for it."""
    if not stdout_is_tty():
        return line
    import shutil

    if width(line) <= shutil.get_terminal_size().columns:
        return line
    from segue.cli.output.markdown import wrap

    return wrap(line).rstrip("\n")


def content(message: Message) -> str:
    """Return the text of a message for the output: rendered for a terminal, unchanged for a pipe."""
    if not stdout_is_tty() and not use_styles():
        return message.content
    from segue.cli.output.markdown import render, wrap

    text = escape_controls(message.content)
    return (render(text) if message.role == "assistant" else wrap(text)).rstrip("\n")


def print_message(message: Message) -> None:
    """Print a message."""
    for line in message_lines(message):
        echo(line)
