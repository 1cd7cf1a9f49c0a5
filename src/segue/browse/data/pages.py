"""The messages of the open session, by position, in pages of the daemon.

Only some pages are in memory. A missing message is asked for once and drawn as empty lines until it is there.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UnsetType, structs

from segue.conversation.parts import ToolResult, tool_calls, tool_results
from segue.models import Message

PAGE = 100
PAGES = 16
PAGE_BYTES = 24 * 1024 * 1024
"""Messages of a page, and how many pages and bytes stay in memory."""

EDGE = 40
"""Messages: the neighbor of a page is fetched when the reader is this close to it."""

TEXT_CHARS = 16_384
"""Characters of each text that are kept; the pager fetches the rest."""


def shortened(message: Message) -> Message:
    """Return a message with its content cut as the daemon cuts it in a list."""
    if len(message.content) <= TEXT_CHARS or not isinstance(message.cut, UnsetType):
        return message
    cut = {"content": len(message.content)}
    return structs.replace(message, content=message.content[:TEXT_CHARS], cut=cut)


class Pages:
    """The messages that are in memory."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.count = 0
        self.last_id = 0
        """The ID of the newest message. An event with a lower one is known already."""
        self._pages: OrderedDict[int, list[Message]] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._results: dict[str, ToolResult] = {}
        self._calls: set[str] = set()

    def __getitem__(self, at: int) -> Message | None:
        """Return the message at a position, or None if it is not in memory."""
        page = self._pages.get(at // PAGE)
        if page is None or at % PAGE >= len(page):
            return None
        return page[at % PAGE]

    def result_of(self, call_id: str) -> ToolResult | None:
        """Return the result of a call if it is in memory."""
        return self._results.get(call_id)

    def has_call(self, call_id: str) -> bool:
        """Return True if the call of a result is in memory."""
        return call_id in self._calls

    def put(self, first: int, messages: Sequence[Message]) -> None:
        """Store messages that begin at a position. Whole pages and the beginning of one can be stored."""
        for offset, message in enumerate(messages):
            at = first + offset
            page = self._pages.setdefault(at // PAGE, [])
            if at % PAGE > len(page):
                continue  # The beginning of this page is missing; it is fetched as a whole.
            page[at % PAGE : at % PAGE + 1] = [message]
            self._pages.move_to_end(at // PAGE)
            self._note(message)
        for number in {(first + offset) // PAGE for offset in range(len(messages))}:
            if not self._pages[number]:
                del self._pages[number]
            else:
                self._sizes[number] = sum(_size(message) for message in self._pages[number])
        if messages and first + len(messages) >= self.count:
            self.count = first + len(messages)
            self.last_id = max(self.last_id, messages[-1].id)
        self._shrink()

    def append(self, message: Message) -> bool:
        """Add a message that was appended; False if it is known already."""
        if message.id <= self.last_id:
            return False
        message = shortened(message)
        at = self.count
        self.count += 1
        self.last_id = message.id
        if at % PAGE == 0 or len(self._pages.get(at // PAGE, ())) == at % PAGE:
            self.put(at, [message])
        self._note(message)
        return True

    def replace(self, message: Message) -> int | None:
        """Store a changed message, and return its position if it is in memory."""
        at = self.position(message.id)
        if at is not None:
            self._pages[at // PAGE][at % PAGE] = shortened(message)
            self._note(message)
        return at

    def add_delta(self, message_id: int, offset: int, text: str) -> bool:
        """Add streamed text to a message at a position in characters; False if the text before it is missing."""
        at = self.position(message_id)
        message = self[at] if at is not None else None
        if message is None or at is None or offset > len(message.content):
            return False
        longer = structs.replace(message, content=message.content[:offset] + text)
        self._pages[at // PAGE][at % PAGE] = longer
        return True

    def position(self, message_id: int) -> int | None:
        """Return the position of a message that is in memory."""
        for number, page in self._pages.items():
            if page and page[0].id <= message_id <= page[-1].id:
                return next((number * PAGE + at for at, one in enumerate(page) if one.id == message_id), None)
        return None

    def missing(self, first: int, last: int) -> Iterator[int]:
        """Yield the numbers of the pages between two positions that are not whole in memory."""
        for number in range(max(0, first) // PAGE, min(last, self.count - 1) // PAGE + 1):
            wanted = min(PAGE, self.count - number * PAGE)
            if number in self._pages:
                self._pages.move_to_end(number)
            if len(self._pages.get(number, ())) < wanted:
                yield number

    def neighbor_id(self, number: int) -> tuple[str, int] | None:
        """Return a bound for the request of a page: the last ID of the page before, or the first of the page after."""
        before = self._pages.get(number - 1)
        if before is not None and len(before) == PAGE:
            return "after_id", before[-1].id
        after = self._pages.get(number + 1)
        return ("before_id", after[0].id) if after else None

    def _note(self, message: Message) -> None:
        for result in tool_results(message.parts):
            self._results[result.id] = result
        self._calls.update(call.id for call in tool_calls(message.parts))

    def _shrink(self) -> None:
        while len(self._pages) > PAGES or (len(self._pages) > 3 and sum(self._sizes.values()) > PAGE_BYTES):
            number, page = self._pages.popitem(last=False)
            self._sizes.pop(number, None)
            for message in page:
                for result in tool_results(message.parts):
                    self._results.pop(result.id, None)


def _size(message: Message) -> int:
    parts = len(msgspec.json.encode(message.parts)) if message.parts else 0
    return len(message.content) * 2 + parts + 500
