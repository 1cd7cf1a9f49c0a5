"""Define the methods that shells call to show sessions."""

from typing import Literal

import msgspec
from msgspec import Struct

from segue import store
from segue.api.parameters.validation import normalize_directory
from segue.api.request import Context
from segue.errors import InvalidData, StorageError
from segue.jsonrpc.method import method
from segue.models import Limit, PreviewChars, Project, Scope, Terminal, WorkingDir
from segue.shell.prompt_text import Shell, age, escape, render_prompt

TEXT_COLUMNS = 60
"""Terminal columns of a session's name or a fact in a completion."""


CompletionKind = Literal["session", "memory", "method"]


class Completion(Struct, kw_only=True):
    """A session, memory or method that completes what a person typed in a shell."""

    id: str
    text: str


class CompletionList(Struct, kw_only=True):
    """Completions, newest first."""

    rows: list[Completion]


class _Described(Struct):
    """The members of a method in the discovery document that a completion needs."""

    name: str
    summary: str


class _Document(Struct):
    """The discovery document."""

    methods: list[_Described]


@method("session.prompt", raises=(StorageError, InvalidData))
async def prompt(
    ctx: Context,
    *,
    working_dir: WorkingDir,
    project: Project | None = None,
    scope: Scope = "directory",
    shell: Shell = "zsh",
    format: str = "{name} ({messages}, {age}) ",
    name_chars: PreviewChars = 30,
    terminal: Terminal | None = None,
) -> str:
    """Return the text that a shell's prompt shows for the session that a place continues, or an empty string.

    `project`, `scope` and `terminal` select the session as in `session.resolve`.

    `format` may contain `{name}`, `{messages}`, `{age}` and `{id}`; its other text is returned unchanged. The name has
    no generated date and is cut at `name_chars` terminal columns. No kind of prompt expansion of the shell interprets a
    character of the name or the id. The session does not change.
    """
    place = store.resolve.Place(normalize_directory(working_dir), "default", project, scope, terminal)
    found = await ctx.store.read(store.resolve.preview, place, ctx.config.session.continuity_ms)
    if found is None:
        return ""
    session, idle_seconds = found
    return render_prompt(
        format,
        shell,
        id=session.id,
        name=session.name,
        messages=session.message_count,
        idle_seconds=idle_seconds,
        name_chars=name_chars,
    )


@method("session.complete", raises=(StorageError, InvalidData))
async def complete(
    ctx: Context, *, prefix: str = "", shell: Shell, limit: Limit = 50, kind: CompletionKind = "session"
) -> CompletionList:
    """Return sessions whose id begins with `prefix`, else those whose name contains it, newest first.

    `text` is the name and the time since the last message, with characters that the shell does not interpret. With
    `kind="memory"`, memories are found in the same way by id and fact; with "method", methods by the beginning of their
    name.
    """
    if kind == "memory":
        memories = await ctx.store.read(store.memories.complete, prefix, limit)
        rows = [Completion(id=str(id), text=escape(fact, shell, TEXT_COLUMNS)) for id, fact in memories]
        return CompletionList(rows=rows)
    if kind == "method":
        document = msgspec.json.decode(ctx.daemon.discover(), type=_Document)
        methods = [one for one in document.methods if one.name.startswith(prefix)]
        return CompletionList(
            rows=[Completion(id=one.name, text=escape(one.summary, shell)) for one in methods[:limit]]
        )
    found = await ctx.store.read(store.session_list.complete, prefix, limit)
    return CompletionList(
        rows=[
            Completion(
                id=one.id, text=f"{escape(one.name or 'no name yet', shell, TEXT_COLUMNS)}, {age(idle_seconds)} ago"
            )
            for one, idle_seconds in found
        ]
    )
