"""A conversation as readable text."""

from segue.cli.output.terminal import echo, escape_controls, escape_line, stdout_is_tty, styled, when
from segue.models import Message, Session

COLORS = {"user": "cyan", "assistant": "green", "system": "yellow", "tool": "magenta"}


def print_session(session: Session) -> None:
    """Print the head of a transcript: one line for each attribute of the session."""
    echo(styled(escape_line(session.name or session.id), bold=True))
    attributes = {
        "id": session.id,
        "directory": session.working_dir,
        "model": "/".join(part for part in (session.provider, session.model) if part),
        "status": session.status + (", pinned" if session.pinned else ""),
        "system": session.system_prompt,
    }
    for label, value in attributes.items():
        if value:
            echo(f"{label:<10}{escape_line(value)}")


def part_types(message: Message) -> str:
    """Return the types of the message's parts, such as `[image, tool_use]`."""
    return f"[{', '.join(str(part.get('type', 'part')) for part in message.parts or ())}]"


def print_message(message: Message) -> None:
    """Print a message below a line with its ID, role and time. A pipe gets the content unchanged."""
    title = [f"#{message.id}", message.role, when(message.created_at)]
    if message.is_summary:
        title.append("(summary)")
    if message.parts:
        title.append(part_types(message))
    echo("")
    echo(styled(escape_line(" ".join(title)), fg=COLORS[message.role], bold=True))
    echo(escape_controls(message.content) if stdout_is_tty() else message.content)
