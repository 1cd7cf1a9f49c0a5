"""The sessions of a tool that the daemon has, and whether a file holds a copy of one of them."""

import os
from typing import Any, NamedTuple

from segue.client import Client

DIGEST = "import_digest"
"""The member of a session's metadata that holds the digest of what was read."""


class Known(NamedTuple):
    """A session as an earlier import stored it."""

    digest: str
    path: str | None
    """The file that it was read from."""
    last_at: str
    session_id: str

    def is_elsewhere(self, path: str, last_at: str) -> bool:
        """Return True if the file at `path` holds a copy: the session came from another file, which is still there.

        A file with a newer last message is no copy, because the tool continued the session there.
        """
        if self.path in (None, path) or last_at > self.last_at:
            return False
        return os.path.exists(str(self.path))  # noqa: PTH110 - False also for a path that cannot be reached


def fetch_known(client: Client, tool: str) -> dict[str, Known]:
    """Return the sessions of a tool by the tool's ids."""
    found: dict[str, Known] = {}
    params: dict[str, Any] = {"source": tool, "archived": None, "with_metadata": True, "limit": 1000}
    while True:
        page = client.request("session.list", params)
        for session in page["sessions"]:
            source = session["source"]
            digest = session["metadata"].get(DIGEST, "")
            found[source["id"]] = Known(digest, source.get("path"), session["last_message_at"], session["id"])
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]
