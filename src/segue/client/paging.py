"""Page through the results of list methods."""

from typing import Any

ROWS = {
    "bot.list": "bots",
    "extraction.list": "extractions",
    "memory.list": "memories",
    "message.list": "messages",
    "message.search": "hits",
    "session.list": "sessions",
}
"""Names: the member of each list method's result that contains the rows."""

PAGE_ROWS = {"message.search": 200}
DEFAULT_PAGE_ROWS = 1000
"""Count: the rows of a page. 1000 keep the memory small and the number of requests low."""

UNPAGED = {"bot.list", "extraction.list"}
"""Names: the methods that return all rows in one page."""


class Pager:
    """The position in the pages of one list."""

    def __init__(self, name: str, params: dict[str, Any], max_rows: int | None = None) -> None:
        self._name = name
        self._params = params
        self._page_rows = params.get("limit") or PAGE_ROWS.get(name, DEFAULT_PAGE_ROWS)
        self._left = max_rows
        self._following: dict[str, Any] | None = {}
        self._offset = params.get("offset") or 0

    def next_params(self) -> dict[str, Any] | None:
        """Return the parameters of the next page, or None after the last one."""
        if self._following is None or self._left == 0:
            return None
        limit = {} if self._name in UNPAGED else {"limit": min(self._page_rows, self._left or self._page_rows)}
        return {**self._params, **limit, **self._following}

    def add(self, page: Any) -> None:
        """Advance behind a page. A page may be shorter than its limit, because the daemon bounds its bytes."""
        rows = getattr(page, ROWS[self._name])
        if self._left is not None:
            self._left = max(0, self._left - len(rows))
        self._offset += len(rows)
        self._following = self._after(page, rows)

    def _after(self, page: Any, rows: list[Any]) -> dict[str, Any] | None:
        if self._name == "message.search":  # A scan that found nothing in its time has no rows, but a cursor.
            return {"cursor": page.next_cursor} if page.next_cursor else None
        if not rows or self._name in UNPAGED:
            return None
        if self._name == "message.list":  # By ID, so that new messages shift no page.
            bound = "before_id" if self._params.get("order") == "desc" else "after_id"
            first = {"offset": 0} if "offset" in self._params else {}
            return {**first, bound: rows[-1].id} if page.has_more else None
        return {"offset": self._offset} if self._offset < page.total else None
