"""One message that is being streamed, with its text that is not stored yet."""

from dataclasses import dataclass, field

from segue.api.request import ClientConnection
from segue.events import MessagesDeleted
from segue.redaction.streaming import StreamRedactor


@dataclass(eq=False)
class Stream:
    """A message that is being streamed, and its owner."""

    message_id: int
    session_id: str
    working_dir: str | None
    bot_id: str | None
    client: ClientConnection | None
    """The owner; None after its connection was closed."""
    chars: int
    """Characters that were stored or are about to be: the offset of the next text."""
    size: int
    """Bytes of content, parts and metadata, with the text that was received."""
    redactor: StreamRedactor | None
    received: list[str] = field(default_factory=list)
    """Text that is not redacted yet."""
    unstored: list[str] = field(default_factory=list)
    unstored_bytes: int = 0
    full: bool = False
    """True after a text that was too large: the text after it is refused too, so that no hole remains."""

    def has_text(self, session_id: str | None, message_id: int | None) -> bool:
        """Return True if text is to be stored, of this session and message if they are given."""
        is_wanted = session_id in (None, self.session_id) and message_id in (None, self.message_id)
        return is_wanted and bool(self.received or self.unstored)

    def take(self) -> str:
        """Remove the text that is to be stored, and return it."""
        text, self.unstored, self.unstored_bytes = "".join(self.unstored), [], 0
        return text

    def put_back(self, text: str) -> None:
        """Undo `take`, because the text could not be stored."""
        self.unstored.insert(0, text)
        self.unstored_bytes += len(text.encode())

    def is_deleted_by(self, deleted: MessagesDeleted) -> bool:
        """Return True if the message is one of the deleted ones of its session."""
        if isinstance(deleted.before_id, int):
            return self.message_id < deleted.before_id
        return isinstance(deleted.message_ids, list) and self.message_id in deleted.message_ids
