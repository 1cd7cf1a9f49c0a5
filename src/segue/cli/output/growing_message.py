"""A message that grows at the end of the output of a terminal.

Only one message grows at a time. Others that are being streamed are printed when they have ended. A message that comes
in between is printed immediately, and the growing one continues below it under its head.
"""

import sys

from segue.cli.output.terminal import echo, escape_controls, escape_line, styled
from segue.cli.output.transcript import COLORS
from segue.models import Message
from segue.workflows.transcript import tool_lines


class GrowingMessage:
    """The message that grows, and how much of it is shown."""

    def __init__(self) -> None:
        self._id: int | None = None
        self._shown = ""
        self._at_end = False
        """True while the text of the message is the end of the output."""

    def takes(self, message: Message) -> bool:
        """Return True if the message grows here, or can begin to."""
        if message.id == self._id:
            return message.content.startswith(self._shown)
        return self._id is None and message.state == "streaming"

    def show(self, message: Message, head: str) -> None:
        """Print what is new of the message, and what follows its text if it has ended."""
        text = message.content[len(self._shown) :]
        self._id, self._shown = message.id, message.content
        if text and not self._at_end:
            continued = " (continued)" if len(message.content) > len(text) else ""
            echo(styled(head + continued, fg=COLORS[message.role], bold=True))
            self._at_end = True
        if text:
            sys.stdout.write(escape_controls(text))
        if message.state != "streaming":
            self._end(message, head)
        sys.stdout.flush()

    def leave(self, printed: Message) -> None:
        """End the line, because a message is printed: another one, or this one whose text was replaced."""
        if self._at_end:
            echo("\n")
            self._at_end = False
        if printed.id == self._id:
            self._id, self._shown = None, ""

    def _end(self, message: Message, head: str) -> None:
        if not self._shown:
            echo(styled(head, fg=COLORS[message.role], bold=True))
        elif self._at_end and not self._shown.endswith("\n"):
            echo("")
        for line in tool_lines(message):
            echo(styled(escape_line(line), dim=True))
        if message.state == "interrupted":
            echo(styled("[interrupted]", dim=True))
        echo("")
        self._id, self._shown, self._at_end = None, "", False
