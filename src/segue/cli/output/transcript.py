"""A conversation, to be read."""

from segue.cli.output.terminal import echo, escape_controls, escape_line, stdout_is_tty, styled, when
from segue.models import Message, Session

COLORS = {"user": "cyan", "assistant": "green", "system": "yellow", "tool": "magenta"}


def print_session(session: Session) -> None:
    """The head of a transcript: what is known of the session, a line each."""
    echo(styled(escape_line(session.name or session.id), bold=True))
    about = {
        "id": session.id,
        "directory": session.working_dir,
        "model": "/".join(part for part in (session.provider, session.model) if part),
        "status": session.status + (", pinned" if session.pinned else ""),
        "system": session.system_prompt,
    }
    for label, value in about.items():
        if value:
            echo(f"{label:<10}{escape_line(value)}")


def part_types(message: Message) -> str:
    """What the message holds besides its text: `[image, tool_use]`."""
    return f"[{', '.join(str(part.get('type', 'part')) for part in message.parts or ())}]"


def print_message(message: Message) -> None:
    """A message under a line that says whose it is; contents reach a pipe as they were stored."""
    title = [f"#{message.id}", message.role, when(message.created_at)]
    if message.is_summary:
        title.append("(summary)")
    if message.parts:
        title.append(part_types(message))
    echo("")
    echo(styled(escape_line(" ".join(title)), fg=COLORS[message.role], bold=True))
    echo(escape_controls(message.content) if stdout_is_tty() else message.content)
