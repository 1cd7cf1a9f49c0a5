"""Keep the memories of LangGraph across threads in segue: `SegueStore`, with filters, expiry and search by meaning.

A store is a session of the daemon, and an item a message. Its key is made of the labels of its namespace, so that one
look-up by prefix returns all items below a namespace.
"""

import math
import operator
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from segue.api import message
from segue.errors import NotFound
from segue.integrations.daemon import Daemon, digest, framework, in_thread, store_session
from segue.integrations.langgraph_filter import passes, under
from segue.models import Draft, Message

with framework("langgraph", "langgraph"):
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        IndexConfig,
        Item,
        ListNamespacesOp,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        TTLConfig,
        ensure_embeddings,
        get_text_at_path,
        tokenize_path,
        validate_op_namespace,
    )

LABELS = 12
"""Count: the labels of a namespace that are part of a key one by one. The key of a message has 255 characters."""

LABEL_CHARS = 16
KEY_CHARS = 24

Vectors = dict[str, list[float]]


class Found(NamedTuple):
    """An item with the message that holds it."""

    item: Item
    message: Message

    @property
    def vectors(self) -> list[list[float]]:
        """Return the vectors of its texts."""
        vectors: list[list[float]] = (self.message.parts or [{}])[0].get("vectors", [])
        return vectors


class SegueStore(BaseStore):
    """A store: `builder.compile(store=SegueStore())`. `index` and `ttl` are those of LangGraph's other stores.

    Items are kept until they are deleted or expire. An expired item is never returned; `sweep_ttl` deletes it.
    """

    supports_ttl = True

    def __init__(
        self,
        namespace: str = "default",
        *,
        socket: str | Path | None = None,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
    ) -> None:
        """Connect to nothing yet."""
        self.namespace = namespace
        self.ttl_config = ttl
        self.index_config = index
        self.embeddings = ensure_embeddings(index["embed"]) if index else None
        self._daemon = Daemon(socket)
        self._session = f"langgraph-store-{digest(namespace)}"
        self._create = store_session("langgraph-store", namespace, namespace=namespace)
        self._stopped = threading.Event()
        self._sweeper: threading.Thread | None = None

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute the operations: first those that read, then those that write, in the order given."""
        several = _validated(ops)
        texts, queries = self._texts(several)
        vectors: Vectors = {}
        if self.embeddings and texts:
            vectors.update(zip(texts, self.embeddings.embed_documents(texts), strict=True))
        asked = {query: self.embeddings.embed_query(query) for query in queries} if self.embeddings else {}
        return self._run(several, vectors, asked)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `batch` does."""
        several = _validated(ops)
        texts, queries = self._texts(several)
        vectors: Vectors = {}
        if self.embeddings and texts:
            vectors.update(zip(texts, await self.embeddings.aembed_documents(texts), strict=True))
        asked = {query: await self.embeddings.aembed_query(query) for query in queries} if self.embeddings else {}
        return await in_thread(self._run, several, vectors, asked)

    def sweep_ttl(self) -> int:
        """Delete expired items, and return their number."""
        now = _now_ms()
        expired = [one.id for one in self._messages(text_chars=0) if _expires(one) <= now]
        for start in range(0, len(expired), 1000):
            some = expired[start : start + 1000]
            self._daemon.repeat(message.delete, session_id=self._session, message_ids=some)
        return len(expired)

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """Sweep on a thread, every `sweep_interval_minutes` (default: that of the TTL configuration, or 5)."""
        minutes = sweep_interval_minutes or (self.ttl_config or {}).get("sweep_interval_minutes") or 5
        self.stop_ttl_sweeper()
        self._stopped.clear()
        self._sweeper = threading.Thread(target=self._sweep, args=(minutes * 60,), daemon=True)
        self._sweeper.start()

    def stop_ttl_sweeper(self) -> None:
        """Stop the sweeper, if it runs."""
        self._stopped.set()
        if self._sweeper is not None:
            self._sweeper.join()
        self._sweeper = None

    def _sweep(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            self.sweep_ttl()

    def _texts(self, ops: Sequence[Op]) -> tuple[list[str], list[str]]:
        """Return the texts to embed of the values that are put, and the queries."""
        texts = [text for op in ops if isinstance(op, PutOp) for text in self._texts_of(op)]
        queries = [op.query for op in ops if isinstance(op, SearchOp) and op.query]
        return [*dict.fromkeys(texts)], [*dict.fromkeys(queries)]

    def _texts_of(self, op: PutOp) -> list[str]:
        if not self.index_config or op.value is None or op.index is False:
            return []
        paths = (self.index_config.get("fields") or ["$"]) if op.index is None else op.index
        fields = [path if path == "$" else tokenize_path(path) for path in paths]
        return [text for field in fields for text in get_text_at_path(op.value, field)]

    def _run(self, ops: Sequence[Op], vectors: Vectors, queries: Vectors) -> list[Result]:
        gets = {(op.namespace, op.key) for op in ops if isinstance(op, GetOp)}
        found = {place: one for one in self._get([*gets]) if (place := (one.item.namespace, one.item.key)) in gets}
        read: dict[int, Found] = {}
        results: list[Result] = []
        for op in ops:
            result: Result = None
            if isinstance(op, GetOp):
                one = found.get((op.namespace, op.key))
                result = one.item if one else None
                read.update({one.message.id: one} if one and op.refresh_ttl else {})
            elif isinstance(op, SearchOp):
                hits = self._search(op, queries.get(op.query or ""))
                result = [hit for hit, _ in hits]
                read.update({one.message.id: one for _, one in hits if op.refresh_ttl})
            elif isinstance(op, ListNamespacesOp):
                result = self._namespaces(op)
            results.append(result)
        self._refresh(read.values())
        self._put([op for op in ops if isinstance(op, PutOp)], vectors)
        return results

    def _get(self, places: Sequence[tuple[tuple[str, ...], str]]) -> list[Found]:
        keys = [_key(namespace, key) for namespace, key in places]
        parts = [keys[start : start + 1000] for start in range(0, len(keys), 1000)]
        return [one for some in parts for one in self._found(self._messages(keys=some))]

    def _search(self, op: SearchOp, query: list[float] | None) -> list[tuple[SearchItem, Found]]:
        """Return the items that pass, the most similar ones first, or without a query those that changed last."""
        below = self._found(self._messages(key_prefix=_path(op.namespace_prefix)))
        passing = [
            one
            for one in below
            if one.item.namespace[: len(op.namespace_prefix)] == tuple(op.namespace_prefix)
            and passes(one.item.value, op.filter or {})
        ]
        scored: list[tuple[float | None, Found]] = [
            (max(_cosine(query, vector) for vector in one.vectors) if query and one.vectors else None, one)
            for one in sorted(passing, key=lambda one: (one.item.updated_at, one.message.id), reverse=True)
        ]
        scored.sort(key=lambda pair: -2 if pair[0] is None else pair[0], reverse=True)
        return [
            (SearchItem(**_members(one.item), score=score), one)
            for score, one in scored[op.offset : op.offset + op.limit]
        ]

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        now = _now_ms()
        known = {tuple(one.metadata["namespace"]) for one in self._messages(text_chars=0) if _expires(one) > now}
        found = [
            namespace
            for namespace in known
            if all(under(namespace, match.match_type, tuple(match.path)) for match in op.match_conditions or ())
        ]
        return sorted({namespace[: op.max_depth] for namespace in found})[op.offset : op.offset + op.limit]

    def _put(self, ops: Sequence[PutOp], vectors: Vectors) -> None:
        """Store and delete items; the last of several operations on one item counts."""
        last = {_key(op.namespace, op.key): op for op in ops}
        gone = [key for key, op in last.items() if op.value is None]
        drafts = [self._draft(key, op, vectors) for key, op in last.items() if op.value is not None]
        self._daemon.append(self._session, drafts, self._create, on_key="replace")
        with suppress(NotFound):
            for start in range(0, len(gone), 1000):
                self._daemon.repeat(message.delete, session_id=self._session, keys=gone[start : start + 1000])

    def _draft(self, key: str, op: PutOp, vectors: Vectors) -> Draft:
        part: dict[str, Any] = {"type": "item", "value": op.value}
        if texts := self._texts_of(op):
            part["vectors"] = [vectors[text] for text in texts]
        about = {
            "namespace": [*op.namespace],
            "key": op.key,
            "ttl": op.ttl,
            "expires": None if op.ttl is None else _now_ms() + op.ttl * 60_000,
            "updated_at": datetime.now(UTC).isoformat(),
        }
        return Draft(role="system", content=op.key or "item", parts=[part], metadata=about, key=key, indexed=False)

    def _refresh(self, read: Iterable[Found]) -> None:
        """Let items that were read expire later."""
        for one in read:
            about = one.message.metadata
            if about["ttl"] is not None:
                changed = {**about, "expires": _now_ms() + about["ttl"] * 60_000}
                with suppress(NotFound):  # It was deleted meanwhile.
                    self._daemon.repeat(message.update, message_id=one.message.id, metadata=changed)

    def _messages(self, **filters: Any) -> list[Message]:
        try:
            return self._daemon.messages(session_id=self._session, **filters)
        except NotFound:
            return []

    def _found(self, messages: Iterable[Message]) -> list[Found]:
        now = _now_ms()
        return [Found(_item(one), one) for one in messages if _expires(one) > now and one.parts]


def _validated(ops: Iterable[Op]) -> list[Op]:
    several = [*ops]
    for op in several:
        validate_op_namespace(op)
    return several


def _path(namespace: Sequence[str]) -> str:
    return "".join(f"{digest(label)[:LABEL_CHARS]}/" for label in namespace[:LABELS])


def _key(namespace: Sequence[str], key: str) -> str:
    return f"{_path(namespace)}={digest(*namespace[LABELS:], key)[:KEY_CHARS]}"


def _item(one: Message) -> Item:
    about = one.metadata
    return Item(
        value=(one.parts or [{}])[0]["value"],
        key=about["key"],
        namespace=tuple(about["namespace"]),
        created_at=datetime.fromisoformat(one.created_at),
        updated_at=max(datetime.fromisoformat(about["updated_at"]), datetime.fromisoformat(one.created_at)),
    )


def _members(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in ("namespace", "key", "value", "created_at", "updated_at")}


def _expires(one: Message) -> float:
    expires = one.metadata["expires"]
    return math.inf if expires is None else expires


def _now_ms() -> float:
    return time.time() * 1000


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return sum(map(operator.mul, one, other)) / lengths if lengths else 0.0
