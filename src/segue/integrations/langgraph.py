"""Keep the checkpoints of LangGraph in segue: `SegueSaver`; and its memories across threads: `SegueStore`."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

from segue.integrations.daemon import framework, in_thread
from segue.integrations.langgraph_store import SegueStore
from segue.integrations.langgraph_threads import (
    Head,
    Threads,
    checkpoint_draft,
    copied,
    place,
    value_of,
    with_writes,
    write_draft,
)
from segue.models import Message

with framework("langgraph", "langgraph"):
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        WRITES_IDX_MAP,
        BaseCheckpointSaver,
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        get_checkpoint_id,
        get_checkpoint_metadata,
    )
    from langgraph.checkpoint.serde.base import SerializerProtocol

__all__ = ["SegueSaver", "SegueStore"]

SINGLY = 50
"""Checkpoints: up to this number are read one by one. More are read together with the whole thread."""


class SegueSaver(BaseCheckpointSaver[int]):
    """A checkpointer: `builder.compile(checkpointer=SegueSaver())`, for `invoke` and `ainvoke`.

    Any thread, event loop and process may use it. Threads are kept until they are deleted or pruned, are hidden from
    lists, and are not searched. A checkpoint may have 6 MB.
    """

    def __init__(
        self,
        namespace: str = "default",
        *,
        socket: str | Path | None = None,
        serde: SerializerProtocol | None = None,
    ) -> None:
        """Connect to nothing yet."""
        super().__init__(serde=serde)
        self.namespace = namespace
        self._threads = Threads(namespace, socket)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that the configuration names, or the newest one of its namespace."""
        thread_id, ns = _thread(config)
        checkpoint_id = get_checkpoint_id(config) or self._threads.newest(thread_id, ns)
        if checkpoint_id is None:
            return None
        found = self._threads.messages(thread_id, key_prefix=place(ns, checkpoint_id))
        return next((self._tuple(thread_id, *one) for one in with_writes(found)), None)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield the checkpoints of a thread, or of all, whose metadata has the members of `filter`, newest first."""
        configurable = {} if config is None else config["configurable"]
        ns, only = configurable.get("checkpoint_ns"), configurable.get("checkpoint_id")
        below = None if before is None else get_checkpoint_id(before)
        chosen = [
            (head["id"], thread_id, head["ns"])
            for thread_id in ([str(configurable["thread_id"])] if "thread_id" in configurable else self._threads.ids())
            for head in self._threads.heads(thread_id)
            if (ns is None or head["ns"] == ns)
            and (not only or head["id"] == only)
            and (below is None or head["id"] < below)
            and all(head["metadata"].get(name) == value for name, value in (filter or {}).items())
        ]
        chosen.sort(reverse=True)
        yield from self._read(chosen[:limit])

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint. It is on disk when this returns."""
        thread_id, ns = _thread(config)
        parent = config["configurable"].get("checkpoint_id")
        about = get_checkpoint_metadata(config, metadata)
        head: Head = {"ns": ns, "id": checkpoint["id"], "parent": parent, "metadata": about}
        draft = checkpoint_draft(self.serde.dumps_typed(checkpoint), head)
        self._threads.append(thread_id, [draft], replace=True)
        return _config(thread_id, ns, checkpoint["id"])

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store writes of a task that belong to a checkpoint. A known write stays; a special one is replaced."""
        thread_id, ns = _thread(config)
        checkpoint_id = config["configurable"]["checkpoint_id"]
        drafts = [
            write_draft(
                self.serde.dumps_typed(value),
                ns,
                checkpoint_id,
                channel,
                (task_path, task_id, WRITES_IDX_MAP.get(channel, number)),
            )
            for number, (channel, value) in enumerate(writes)
        ]
        replace = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        self._threads.append(thread_id, drafts, replace=replace)

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        self._threads.delete(str(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of the runs, and their writes, in all threads."""
        for thread_id in self._threads.ids():
            heads = self._threads.heads(thread_id)
            of_runs = [head for head in heads if head["metadata"].get("run_id") in run_ids]
            self._threads.delete_checkpoints(thread_id, of_runs)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all checkpoints and writes of a thread to another one."""
        drafts = [copied(one) for one in self._threads.messages(str(source_thread_id))]
        if drafts:
            self._threads.append(str(target_thread_id), drafts, replace=True)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete all checkpoints of the threads, or all but the newest one of each namespace.

        Ancestors from which the newest checkpoint's delta channels are rebuilt are kept too.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"unknown strategy {strategy!r}; use keep_latest or delete")
        for thread_id in map(str, thread_ids):
            if strategy == "delete":
                self._threads.delete(thread_id)
                continue
            heads = self._threads.heads(thread_id)
            kept: set[tuple[str, str]] = set()
            for ns in {head["ns"] for head in heads}:
                kept |= self._needed(thread_id, {head["id"]: head for head in heads if head["ns"] == ns})
            self._threads.delete_checkpoints(
                thread_id, [head for head in heads if (head["ns"], head["id"]) not in kept]
            )

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do what `get_tuple` does."""
        return await in_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Do what `list` does."""
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (one := await in_thread(next, found, None)) is not None:
            yield one

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Do what `put` does."""
        return await in_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Do what `put_writes` does."""
        await in_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Do what `delete_thread` does."""
        await in_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Do what `delete_for_runs` does."""
        await in_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Do what `copy_thread` does."""
        await in_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Do what `prune` does."""
        await in_thread(lambda: self.prune(thread_ids, strategy=strategy))

    def _read(self, chosen: Sequence[tuple[str, str, str]]) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, each given by its ID, thread and namespace."""
        if len(chosen) <= SINGLY:
            for checkpoint_id, thread_id, ns in chosen:
                if (one := self.get_tuple(_config(thread_id, ns, checkpoint_id))) is not None:
                    yield one
            return
        found = {
            (one.metadata["id"], thread_id, one.metadata["ns"]): (thread_id, one, writes)
            for thread_id in {thread_id for _, thread_id, _ in chosen}
            for one, writes in with_writes(self._threads.messages(thread_id))
        }
        for place_of_one in chosen:
            if place_of_one in found:
                yield self._tuple(*found[place_of_one])

    def _tuple(self, thread_id: str, one: Message, writes: Sequence[Message]) -> CheckpointTuple:
        head = one.metadata
        return CheckpointTuple(
            _config(thread_id, head["ns"], head["id"]),
            self.serde.loads_typed(value_of(one)),
            head["metadata"],
            _config(thread_id, head["ns"], head["parent"]) if head["parent"] else None,
            [
                (write.metadata["order"][1], write.metadata["channel"], self.serde.loads_typed(value_of(write)))
                for write in writes
            ],
        )

    def _needed(self, thread_id: str, heads: dict[str, Head]) -> set[tuple[str, str]]:
        """Return the places of the newest checkpoint and of the ancestors that its delta channels need."""
        head: Head | None = heads[max(heads)]
        kept: set[tuple[str, str]] = set()
        missing = set(heads[max(heads)]["metadata"].get("counters_since_delta_snapshot", ()))
        while head is not None:
            kept.add((head["ns"], head["id"]))
            if missing and (one := self.get_tuple(_config(thread_id, head["ns"], head["id"]))) is not None:
                missing -= set(one.checkpoint["channel_values"])
            head = heads.get(head["parent"] or "") if missing else None
        return kept


def _thread(config: RunnableConfig) -> tuple[str, str]:
    """Return the thread and the namespace that a configuration names."""
    return str(config["configurable"]["thread_id"]), config["configurable"].get("checkpoint_ns", "")


def _config(thread_id: str, ns: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}}
