"""The actions of keys on sessions and messages. Each change is the request that the command of the same name sends."""

import subprocess
from typing import TYPE_CHECKING

from msgspec import UnsetType

from segue.browse.clipboard import copy
from segue.browse.filtering import Filtering
from segue.browse.keys import KEYS, READ, Key, command_line, named
from segue.browse.screens.choice import Choice, ChoiceScreen
from segue.browse.screens.pager import PageScreen, TextPage
from segue.browse.screens.prompt import ConfirmScreen, PromptScreen
from segue.browse.views import text as texts
from segue.browse.views.pieces import call_summary
from segue.browse.views.row_drawing import HitRow, Note, SessionRow
from segue.browse.views.times import clock
from segue.cli.editor import edit_text
from segue.conversation.parts import tool_calls, tool_results
from segue.models import Memory, Message, Session
from segue.results import Deleted, DeletedCount
from segue.workflows import changes
from segue.workflows.changes import Change
from segue.workflows.labels import short_id, title
from segue.workflows.transcript import argument_text

if TYPE_CHECKING:
    from segue.browse.app import Browse

TOOLS = ("claude", "codex", "gemini", "opencode", "llm")
"""Tools that `segue handoff` can start; any other command can be typed."""


class Actions:
    """The actions that need no more than the session or the message under the cursor."""

    def __init__(self, app: "Browse") -> None:
        self._app = app

    @property
    def session_id(self) -> str | None:
        """Return the session under the cursor of the list, or the open one in the conversation."""
        row = self._app.rows_pane.current
        if self._app.pane == READ:
            return self._app.reader.session_id
        if isinstance(row, SessionRow):
            return row.entry.id
        return row.hit.session_id if isinstance(row, HitRow) else None

    @property
    def message(self) -> Message | None:
        """Return the message under the cursor of the conversation."""
        return self._app.conversation.current

    async def session(self) -> Session | None:
        """Return the session as it is now, or None if none is chosen."""
        if self.session_id is None:
            return None
        return await self._app.link.call("session.get", Session, session_id=self.session_id)

    async def change(self, change: Change, done: str) -> None:
        """Send a change of a session and say what was done."""
        await self._app.link.send(change, Session)
        self._app.say(done)

    async def pin(self) -> None:
        """Pin or unpin the session."""
        if (session := await self.session()) is not None:
            done = "unpinned" if session.pinned else "pinned: cleanup keeps it"
            await self.change(changes.pin(session.id, pinned=not session.pinned), done)

    async def archive(self) -> None:
        """Archive or unarchive the session."""
        if (session := await self.session()) is not None:
            done = "unarchived" if session.archived else "archived; a again takes it back, ^F shows archived ones"
            await self.change(changes.archive(session.id, archived=not session.archived), done)

    async def tag(self) -> None:
        """Set the tags of the session."""
        if (session := await self.session()) is not None:
            given = await self._app.ask_screen(PromptScreen("Tags, separated by spaces", " ".join(session.tags)))
            if given is not None:
                names = {name.removeprefix("#") for name in given.split()} - {""}
                done = f"tags: {', '.join(sorted(names))}" if names else "no tags"
                await self.change(changes.tag(session, names), done)

    async def edit(self) -> None:
        """Rename the session."""
        if (session := await self.session()) is not None:
            name = await self._app.ask_screen(PromptScreen("Name of the session", session.name or ""))
            if name is not None and name.strip() and name != session.name:
                await self.change(changes.rename(session.id, name.strip()), f"renamed: {name.strip()}")

    async def delete(self) -> None:
        """Delete the session, after a question."""
        if (session := await self.session()) is None:
            return
        pinned = ", pinned" if session.pinned else ""
        entry = self._app.lister.entry(session.id)
        name = entry.title if entry is not None else title(session.name, None)
        about = [name, f"{session.id}  ({session.message_count} messages{pinned})"]
        if await self._app.ask_screen(ConfirmScreen("Delete this session permanently?", about)):
            await self._app.link.send(changes.delete_session(session.id), Deleted)
            self._app.say(f"deleted {session.id}")

    async def delete_message(self) -> None:
        """Delete the message, after a question."""
        if (message := self.message) is None:
            return
        about = [f"#{message.id} {message.role}", " ".join(message.content.split())[:300]]
        if await self._app.ask_screen(ConfirmScreen("Delete this message permanently?", about)):
            found = await self._app.link.send(changes.delete_message(message), DeletedCount)
            done = f"deleted message {message.id}" if found.deleted else f"message {message.id} was deleted before"
            self._app.say(done, error=not found.deleted)

    async def undo(self) -> None:
        """Take the last turn back, after showing it."""
        if (session_id := self.session_id) is None:
            return None
        turn = await self._app.reader.last_turn(session_id)
        if turn is None:
            return self._app.say("no question to take back", error=True)
        about = [f"{message.role}: {' '.join(message.content.split())[:200]}" for message in turn.messages]
        count = len(turn.messages)
        question = f"Remove {count} message{'' if count == 1 else 's'} permanently?"
        if await self._app.ask_screen(ConfirmScreen(question, about)):
            await self._app.link.send(changes.undo(session_id, turn), object)
            self._app.say(f"removed {count} message{'' if count == 1 else 's'}")
        return None

    async def edit_message(self) -> None:
        """Edit the message in the user's editor."""
        if self.message is None:
            return None
        message = await self._app.reader.whole(self.message)
        text = self._app.outside(lambda: edit_text(message.content))
        if text is None or text == message.content:
            return self._app.say("the text is the same; nothing was changed")
        if not text.strip():
            return self._app.say("the text is empty; nothing was changed", error=True)
        await self._app.link.send(changes.edit(message.id, text), Message)
        return self._app.say(f"changed message {message.id}")

    async def fork(self) -> None:
        """Fork the session: all of it from the list, up to the message from the conversation."""
        if (session_id := self.session_id) is None:
            return
        upto = self.message.id if self._app.pane == READ and self.message is not None else None
        made = await self._app.link.send(changes.fork(session_id, upto), Session)
        self._app.say(f"forked: {title(made.name, None)}")
        self._app.lister.put(made)
        self._app.lister.refresh(select=("session", made.id))
        await self._app.reader.open(made.id)

    async def resume(self) -> None:
        """Resume the session in the current directory."""
        if self.session_id is not None:
            place = self._app.options.place
            done = f"{place['working_dir']} continues this session now"
            await self.change(changes.resume(self.session_id, place, place.get("terminal")), done)

    async def remember(self) -> None:
        """Store the marked text, or the text of the message, as a memory."""
        message, session = self.message, await self.session()
        if message is None or session is None:
            return
        marked = self._app.conversation.marked_text()
        fact = await self._app.ask_screen(PromptScreen("Remember", " ".join((marked or message.content).split())))
        if fact and fact.strip():
            await self._app.link.send(changes.remember(fact.strip(), session, message.id), Memory)
            self._app.moves.end_mark()
            self._app.say("remembered")
            await self._app.reader.show_details()

    async def open_tool(self) -> None:
        """Open the session in its own tool, which takes over the terminal."""
        if (session := await self.session()) is not None:
            if session.source is None:
                return self._app.say("not imported: i asks in it, h hands it off", error=True)
            self._run(["open", session.id])
        return None

    async def handoff(self) -> None:
        """Hand the session off to another tool, which takes over the terminal."""
        if (session_id := self.session_id) is None:
            return
        command = f"segue handoff {short_id(session_id)} --to"
        choices = [Choice(tool, "", tool, f"{command} {tool}") for tool in TOOLS]
        screen = ChoiceScreen(self._app.palette, "Hand off to a tool, or type a command", choices, free=True)
        if tool := await self._app.ask_screen(screen):
            self._run(["handoff", session_id, "--to", tool])

    async def stats(self) -> None:
        """Show the statistics of the sessions that the filters accept."""
        from segue.browse.screens.stats import StatsScreen  # Loads what few look at

        self._app.push_screen(StatsScreen(self._app.palette))

    def _run(self, words: list[str]) -> None:
        """Run a command of `segue` on the terminal while the browser is away."""

        def run() -> "subprocess.CompletedProcess[bytes]":
            return subprocess.run([*self._app.options.program, *words], check=False)  # noqa: S603 - segue itself

        done = self._app.outside(run)
        if done is not None and done.returncode:
            self._app.say(f"segue {words[0]} ended with exit status {done.returncode}", error=True)

    async def copy(self) -> None:
        """Copy the session's ID."""
        self._copy(self.session_id or "", "the ID")

    async def copy_message(self) -> None:
        """Copy the marked lines, or the message's text."""
        if marked := self._app.conversation.marked_text():
            self._copy(marked, "the marked text")
            return self._app.moves.end_mark()
        if (message := self.message) is not None:
            whole = await self._app.reader.whole(message) if _is_cut(message) else message
            self._copy(whole.content or _parts_text(whole), "the message")
        return None

    async def copy_more(self) -> None:
        """Copy the command that resumes the session, or the message's ID."""
        if self._app.pane != READ:
            return self._copy(f"segue resume {self.session_id}", "the command") if self.session_id else None
        return self._copy(f"#{self.message.id}", "the message's ID") if self.message is not None else None

    async def copy_code(self) -> None:
        """Copy the source of the code block."""
        code = self._app.conversation.code_block()
        if code is None:
            return self._app.say("no code block here", error=True)
        return self._copy(code, "the code block")

    def _copy(self, text: str, what: str) -> None:
        if text:
            taken_by = copy(text, self._app.copy_to_clipboard)
            self._app.say(f"copied {what} to {taken_by}")

    async def pager(self) -> None:
        """Show the whole text of the message."""
        if self.message is None:
            return
        message = await self._app.reader.whole(self.message) if _is_cut(self.message) else self.message
        name = "You" if message.role == "user" else message.model or message.role
        pieces = [message.content, _parts_text(message)]
        pieces += [
            result.text
            for call in tool_calls(message.parts)
            if (result := self._app.conversation.pages.result_of(call.id)) is not None
        ]
        text = "\n\n".join(filter(None, pieces))
        title_line = texts.line(f"{name}  {clock(message.created_at)}  #{message.id}")
        self._app.push_screen(PageScreen(TextPage(self._app.palette, text), title_line))

    async def palette(self) -> None:
        """Show all keys, and run the chosen one."""
        keys = sorted((key for key in KEYS if self._app.pane in key.panes), key=lambda key: not key.command)
        choices = [
            Choice(key.action, named(key.shown, self._app.palette.signs), key.label, self._command(key)) for key in keys
        ]
        if action := await self._app.ask_screen(ChoiceScreen(self._app.palette, "Keys", choices)):
            await self._app.run_key(action)

    def _command(self, key: Key) -> str:
        """Return the command line of a key for the session and the message under the cursor."""
        session, message = self._app.lister.entry(self.session_id), self.message
        newest = self._app.conversation.is_at_newest_reply
        return command_line(key, self._app.pane, session=session, message=message, newest=newest)

    async def filter(self) -> None:
        """Choose a filter and its value."""
        await Filtering(self._app).choose()

    async def enter(self) -> None:
        """Open what is under the cursor."""
        row = self._app.rows_pane.current
        if self._app.pane == READ:
            await self.pager()
        elif isinstance(row, Note) and row.shows_names:
            self._app.lister.show_all_names()
        elif isinstance(row, Note) and row.query:
            self._app.query_input.value = row.query
        elif isinstance(row, SessionRow | HitRow):
            await self._app.preview.open(row)
            self._app.go(READ)


def _is_cut(message: Message) -> bool:
    return not isinstance(message.cut, UnsetType)


def _parts_text(message: Message) -> str:
    """Return the calls and results of a message as text."""
    calls = [f"{call.name} {call_summary(call)}\n{argument_text(call.arguments)}" for call in tool_calls(message.parts)]
    return "\n\n".join([*calls, *(result.text for result in tool_results(message.parts))])
