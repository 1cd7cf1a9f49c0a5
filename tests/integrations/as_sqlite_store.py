"""A plugin of pytest: let the tests of langgraph-checkpoint-sqlite make a `SegueStore` where they make a `SqliteStore`.

Each database is a namespace of its own.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import langgraph.store.sqlite

from segue.integrations.langgraph import SegueStore


class AsSqliteStore(SegueStore):
    """A store of its own namespace, with the name that the tests know for `fields`."""

    @classmethod
    @contextmanager
    def from_conn_string(cls, place: str, *, index: Any = None, ttl: Any = None) -> Iterator["AsSqliteStore"]:
        yield cls(f"{place} {uuid4()}", index=_index(index), ttl=ttl)

    def setup(self) -> None:
        """Do nothing: a store needs no setup."""


class AsAsyncSqliteStore(SegueStore):
    """The same; the tests await what needs no waiting."""

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls, place: str, *, index: Any = None, ttl: Any = None
    ) -> AsyncIterator["AsAsyncSqliteStore"]:
        yield cls(f"{place} {uuid4()}", index=_index(index), ttl=ttl)

    async def setup(self) -> None:
        """Do nothing: a store needs no setup."""

    async def sweep_ttl(self) -> int:  # type: ignore[override]
        return SegueStore.sweep_ttl(self)

    async def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:  # type: ignore[override]
        self._inner = SegueStore(self.namespace, ttl=self.ttl_config)
        self._inner.start_ttl_sweeper(sweep_interval_minutes)

    async def stop_ttl_sweeper(self) -> None:  # type: ignore[override]
        self._inner.stop_ttl_sweeper()


def _index(index: Any) -> Any:
    return None if index is None else {**index, "fields": index.get("text_fields")}


langgraph.store.sqlite.SqliteStore = AsSqliteStore
langgraph.store.sqlite.AsyncSqliteStore = AsAsyncSqliteStore
