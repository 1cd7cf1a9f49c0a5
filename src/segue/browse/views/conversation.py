"""The conversation: how the reader moves through it, folds, marks and clicks."""

from textual.message import Message

from segue.browse.views import message as messages
from segue.browse.views import text as texts
from segue.browse.views.reading import Reading


class Conversation(Reading):
    """The pane of the open session."""

    class Marked(Message):
        """Lines were marked with the pointer, or the mark was removed."""

    def scroll_lines(self, count: int) -> None:
        """Move the view. Messages above are measured first, so that the move is exact."""
        if not self.pages.count:
            return
        at, line = self.reading_at
        line += count
        while line < 0 and at > 0:
            at -= 1
            line += self.height_of(at)
        while at < self.pages.count - 1 and line >= self.height_of(at):
            line -= self.height_of(at)
            at += 1
        self._move_to(at, max(0, line))

    def page(self, direction: float) -> None:
        """Move by a part of the height, and the cursor with the view."""
        self.scroll_lines(round(direction * max(1, self.size.height - 2)))
        shown = [at for _, at, _ in self.rows]
        if shown and self.cursor not in shown:
            self.cursor = shown[0] if direction > 0 else shown[-1]
            self.settle()

    def jump(self, fraction: float) -> None:
        """Move to a part of the whole."""
        self._move_to(*self.heights.at(round(fraction * max(0, self.heights.total - self.size.height))))

    def step(self, direction: int) -> None:
        """Move the cursor to the next message. One that is longer than the view is read to its end first."""
        if not self.rows:
            return None
        shown = [at for _, at, _ in self.rows]
        if self.cursor not in shown:
            self.cursor = shown[0] if direction > 0 else shown[-1]
            return self.settle()
        _, at, line = self.rows[-1] if direction > 0 else self.rows[0]
        left = self.height_of(at) - 1 - line if direction > 0 else line
        if at == self.cursor and left > 0:
            return self.scroll_lines(direction * min(left, max(1, self.size.height - 2)))
        target = self.cursor + direction
        while 0 <= target < self.pages.count and not self.height_of(target):
            target += direction
        if 0 <= target < self.pages.count:
            return self.reveal(target)
        return self.scroll_lines(direction * self.size.height)

    def reveal(self, at: int, line: int = 0) -> None:
        """Put the cursor on a message, and scroll as little as needed to show it, or a line of it."""
        self.cursor = at
        self.heights.grow(self.pages.count)
        height = self.height_of(at)
        first, last = (line, line) if line else (0, height - 1)
        shown = {(row_at, row_line) for _, row_at, row_line in self.rows}
        if (at, first) in shown and (at, last) in shown:
            return self.settle()
        if line or height >= self.size.height or (at, 0) < self.reading_at:
            self.reading_at, self.follow = (at, max(0, line - 2)), False
            return self.scroll_lines(0)
        self.reading_at, self.follow = (at, 0), False
        return self.scroll_lines(height - self.size.height)

    def top(self) -> None:
        """Move to the first message."""
        self.cursor = 0
        self._move_to(0, 0)

    def bottom(self) -> None:
        """Move to the last message, and follow new ones."""
        self.cursor = max(0, self.pages.count - 1)
        self.follow = True
        self.settle()

    def added(self) -> None:
        """Show messages that arrived; the reader's place stays unless it is the end."""
        if self.follow:
            self.cursor = max(0, self.pages.count - 1)
        self.settle()

    def toggle_fold(self) -> None:
        """Fold or unfold the message under the cursor."""
        if (message := self.current) is not None:
            self.unfolded ^= {message.id}
            self.follow = False
            self.scroll_lines(0)

    def press(self, y: int, *, dragged: bool) -> None:
        """Put the cursor on the clicked message; a second click folds it. Dragging marks lines."""
        if y >= len(self.rows):
            return None
        _, at, line = self.rows[y]
        if dragged:
            start = self.mark[0] if self.mark else (at, line)
            self.mark = (start, (at, line))
            self.post_message(self.Marked())
        elif at == self.cursor and not self.mark and self._drawn(at).has_folds:
            return self.toggle_fold()
        else:
            self.cursor, self.mark, self.follow = at, None, self.follow and at == self.pages.count - 1
            self.post_message(self.Marked())
        return self.settle()

    def start_mark(self) -> None:
        """Mark the first visible line of the message under the cursor."""
        line = next((line for _, at, line in self.rows if at == self.cursor), 0)
        self.mark = ((self.cursor, line), (self.cursor, line))
        self.settle()

    def extend_mark(self, count: int) -> None:
        """Move the end of the mark by lines."""
        if self.mark is None:
            return
        at, line = self.mark[1]
        line += count
        if line < 0 and at > 0:
            at = next((one for one in range(at - 1, -1, -1) if self.height_of(one)), at)
            line = self.height_of(at) - 1
        elif line >= self.height_of(at) and at < self.pages.count - 1:
            at, line = at + 1, 0
        self.mark = (self.mark[0], (at, max(0, min(line, self.height_of(at) - 1))))
        shown = [(row_at, row_line) for _, row_at, row_line in self.rows]
        if self.mark[1] not in shown:
            self.scroll_lines(count)
        self.settle()

    @property
    def is_at_newest_reply(self) -> bool:
        """Return True if the cursor is on the newest message of a model."""
        after = (self.pages[at] for at in range(self.pages.count - 1, self.cursor, -1))
        is_last = not any(message is None or message.role == "assistant" for message in after)
        return self.current is not None and self.current.role == "assistant" and is_last

    def marked_text(self) -> str:
        """Return the text of the marked lines."""
        if self.mark is None:
            return ""
        first, last = sorted(self.mark)
        lines = [
            strip.text[messages.MARGIN :].rstrip()
            for at in range(first[0], last[0] + 1)
            for line, strip in enumerate(self._strips(at))
            if first <= (at, line) <= last
        ]
        return texts.without_fillers("\n".join(lines).strip("\n"))

    def next_block(self, direction: int) -> bool:
        """Move to the next code block in memory; False if there is none."""
        at, number = self.block if self.block and self.block[0] == self.cursor else (self.cursor, -1)
        number += direction if number >= 0 or direction > 0 else 0
        while 0 <= at < self.pages.count and self.pages[at] is not None:
            blocks = self._drawn(at).blocks
            if 0 <= number < len(blocks):
                self.block = (at, number)
                self.reveal(at, blocks[number][0])
                return True
            at += direction
            number = 0 if direction > 0 else len(self._drawn(at).blocks) - 1 if 0 <= at < self.pages.count else 0
        return False

    def code_block(self) -> str | None:
        """Return the source of the chosen code block, of the first one of the message, or of the view."""
        if self.block and self.block[0] == self.cursor:
            return texts.without_fillers(self._drawn(self.cursor).blocks[self.block[1]][1])
        for at in dict.fromkeys([self.cursor, *(row_at for _, row_at, _ in self.rows)]):
            if self.pages[at] is not None and (blocks := self._drawn(at).blocks):
                return texts.without_fillers(blocks[0][1])
        return None

    def _move_to(self, at: int, line: int) -> None:
        end = self._last_anchor()
        self.follow = (at, line) >= end
        self.reading_at = min((at, line), end)
        self.settle()
