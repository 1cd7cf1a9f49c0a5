"""The store's surface: each module of queries by its name, imported on first access.

The API's method definitions name these queries. A client imports the definitions without SQLite for this reason.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segue.store.maintenance import database_status, integrity
    from segue.store.records import (
        append,
        bots,
        context,
        extractions,
        forks,
        memories,
        messages,
        resolve,
        retention,
        session_update,
        sessions,
        summaries,
    )
    from segue.store.records.listing import filter as session_filter
    from segue.store.records.listing import page as session_list
    from segue.store.records.message import append_group
    from segue.store.records.message import edit as message_edit
    from segue.store.records.message import page as message_page
    from segue.store.records.message import replace as message_replace
    from segue.store.records.message import stream as message_stream
    from segue.store.search import index, index_check
    from segue.store.search import request as search_request
    from segue.store.search import search as message_search
    from segue.store.search.text import snippets
    from segue.store.stats import stats as session_stats
    from segue.store.sync import machines
    from segue.store.transfer import exports, imports, restores

_MODULES = {
    "append": "segue.store.records.append",
    "append_group": "segue.store.records.message.append_group",
    "bots": "segue.store.records.bots",
    "context": "segue.store.records.context",
    "database_status": "segue.store.maintenance.database_status",
    "exports": "segue.store.transfer.exports",
    "extractions": "segue.store.records.extractions",
    "forks": "segue.store.records.forks",
    "imports": "segue.store.transfer.imports",
    "index": "segue.store.search.index",
    "index_check": "segue.store.search.index_check",
    "integrity": "segue.store.maintenance.integrity",
    "machines": "segue.store.sync.machines",
    "memories": "segue.store.records.memories",
    "message_search": "segue.store.search.search",
    "message_edit": "segue.store.records.message.edit",
    "message_page": "segue.store.records.message.page",
    "message_replace": "segue.store.records.message.replace",
    "message_stream": "segue.store.records.message.stream",
    "messages": "segue.store.records.messages",
    "resolve": "segue.store.records.resolve",
    "restores": "segue.store.transfer.restores",
    "retention": "segue.store.records.retention",
    "search_request": "segue.store.search.request",
    "session_filter": "segue.store.records.listing.filter",
    "session_list": "segue.store.records.listing.page",
    "session_stats": "segue.store.stats.stats",
    "session_update": "segue.store.records.session_update",
    "sessions": "segue.store.records.sessions",
    "snippets": "segue.store.search.text.snippets",
    "summaries": "segue.store.records.summaries",
}

__all__ = [
    "append",
    "append_group",
    "bots",
    "context",
    "database_status",
    "exports",
    "extractions",
    "forks",
    "imports",
    "index",
    "index_check",
    "integrity",
    "load_all",
    "machines",
    "memories",
    "message_edit",
    "message_page",
    "message_replace",
    "message_search",
    "message_stream",
    "messages",
    "resolve",
    "restores",
    "retention",
    "search_request",
    "session_filter",
    "session_list",
    "session_stats",
    "session_update",
    "sessions",
    "snippets",
    "summaries",
]


def load_all() -> None:
    """Import every module of the surface, so that no request pays for an import and a broken one stops the start."""
    for name in _MODULES:
        globals()[name] = import_module(_MODULES[name])


if not TYPE_CHECKING:  # mypy would accept any name otherwise

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = module = import_module(_MODULES[name])
        return module
