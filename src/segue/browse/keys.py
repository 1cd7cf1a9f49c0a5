"""The keys of the browser. The bindings, the footer, the palette and the manual are made from this table."""

from typing import NamedTuple

from segue.browse.data.sessions import Entry
from segue.browse.views import text as texts
from segue.browse.views.theme import Signs
from segue.models import Message
from segue.workflows.labels import short_id

LIST, READ = "list", "read"
"""The panes: the list of sessions or hits, and the conversation."""

BOTH = (LIST, READ)

ARROWS = str.maketrans({"↑": "Up", "↓": "Down", "←": "Left", "→": "Right"})


class Key(NamedTuple):
    """An action with its keys."""

    action: str
    keys: str
    """The names of the keys in Textual, separated by commas."""
    shown: str
    label: str
    panes: tuple[str, ...] = BOTH
    hint: str = ""
    """The word in the footer; empty: it is not there."""
    command: str = ""
    """The command line that does the same. ID is the session, MESSAGE the message. `command_line` fits it."""


KEYS = (
    Key("down", "j", "j", "next row or message", BOTH, "move"),
    Key("up", "k", "k", "previous row or message"),
    Key("line_down", "down", "↓", "next row or line"),
    Key("line_up", "up", "↑", "previous row or line"),
    Key("top", "g,home", "g Home", "first row or message"),
    Key("bottom", "G,end", "G End", "last row or message"),
    Key("half_down", "ctrl+d", "^D", "half a page down"),
    Key("half_up", "ctrl+u", "^U", "half a page up"),
    Key("page_down", "pagedown", "PgDn", "a page down"),
    Key("page_up", "pageup", "PgUp", "a page up"),
    Key("enter", "enter", "Enter", "open the session", (LIST,), "open", "segue show ID"),
    Key("pager", "enter", "Enter", "the whole text of the message", (READ,), "", "segue show ID --around MESSAGE"),
    Key("escape", "escape", "Esc", "back to the list; end the search"),
    Key("next_pane", "tab,right", "Tab →", "next pane"),
    Key("previous_pane", "shift+tab,left", "S-Tab ←", "previous pane"),
    Key("search", "slash", "/", "search names and messages", BOTH, "search", "segue search QUERY"),
    Key("next_match", "n", "n", "next match"),
    Key("previous_match", "N", "N", "previous match"),
    Key("mode", "ctrl+t", "^T", "search for words, a substring or a regular expression"),
    Key("filter", "ctrl+f", "^F", "filter by project, tool, role, time, tag or archived"),
    Key("previous_question", "left_square_bracket", "[", "previous question of your own", (READ,), "question"),
    Key("next_question", "right_square_bracket", "]", "next question of your own", (READ,)),
    Key("previous_block", "left_curly_bracket", "{", "previous code block", (READ,)),
    Key("next_block", "right_curly_bracket", "}", "next code block", (READ,)),
    Key("fold", "space", "space", "fold or unfold the group or tool call", BOTH, "fold"),
    Key("fold_all", "Z", "Z", "unfold or fold all tool calls", (READ,)),
    Key("dense", "z", "z", "one or two lines for each session", (LIST,)),
    Key("wrap", "w", "w", "wrap or cut long lines of code", (READ,)),
    Key("copy", "y", "y", "copy the ID of the session", (LIST,), "copy"),
    Key("copy_message", "y", "y", "copy the text of the message", (READ,), "copy", "segue show -r ID"),
    Key("copy_more", "Y", "Y", "copy the command that resumes the session", (LIST,)),
    Key("copy_more", "Y", "Y", "copy the ID of the message", (READ,)),
    Key("copy_code", "c", "c", "copy the code block", (READ,), "code", "segue show -x N ID"),
    Key("mark", "v", "v", "mark text by lines", (READ,)),
    Key("remember", "m", "m", "remember the marked text", (READ,), "", "segue memory add TEXT"),
    Key("open_tool", "o", "o", "open in the tool of an imported session", BOTH, "", "segue open ID"),
    Key("handoff", "h", "h", "hand off to another tool", BOTH, "", "segue handoff ID --to TOOL"),
    Key("resume", "r", "r", "resume the session in this directory", BOTH, "resume", "segue resume ID"),
    Key("fork", "f", "f", "fork the session, up to the message", BOTH, "fork", "segue fork ID --upto MESSAGE"),
    Key("edit", "e", "e", "rename the session", (LIST,), "rename", "segue rename ID NAME"),
    Key("edit_message", "e", "e", "edit the message in the editor", (READ,), "edit", "segue edit MESSAGE"),
    Key("delete", "d", "d", "delete the session", (LIST,), "", "segue delete ID"),
    Key("delete_message", "d", "d", "delete the message", (READ,), "", "segue delete '#MESSAGE'"),
    Key("undo", "u", "u", "take the last question back", BOTH, "", "segue undo ID"),
    Key("pin", "p", "p", "pin or unpin the session", BOTH, "pin", "segue pin ID"),
    Key("archive", "a", "a", "archive or unarchive the session", BOTH, "", "segue archive ID"),
    Key("tag", "t", "t", "set the tags of the session", BOTH, "tag", "segue tag --session ID TAG"),
    Key("ask", "i", "i", "ask in this session", BOTH, "ask", "segue ask --session ID TEXT"),
    Key("retry", "ctrl+r", "^R", "repeat the last question", BOTH, "", "segue ask --retry --session ID"),
    Key("stop", "ctrl+c", "^C", "stop the reply; quit if none runs"),
    Key("stats", "s", "s", "show statistics", BOTH, "", "segue stats"),
    Key("details", "D", "D", "show or hide the details", BOTH),
    Key("theme", "T", "T", "next theme: dark, light, ansi"),
    Key("order", "comma", ",", "group by project, or order by time or name", (LIST,)),
    Key("wider", "plus", "+", "a wider list"),
    Key("narrower", "minus", "-", "a narrower list"),
    Key("suspend", "ctrl+z", "^Z", "suspend the program"),
    Key("redraw", "ctrl+l", "^L", "redraw the screen"),
    Key("palette", "question_mark,ctrl+p", "? ^P", "all keys; type to filter, Enter to run", BOTH, "keys"),
    Key("quit", "q", "q", "quit", BOTH, "quit"),
)

BY_ACTION = {key.action: key for key in KEYS}

FOOTERS = {
    LIST: "down enter search copy pin tag resume fork edit ask palette quit",
    READ: "down previous_question fold copy_message copy_code fork edit_message ask palette escape",
}
"""The actions that the footer shows, by pane or state. The last ones are left out first, but `palette` stays."""

LAST_HINTS = ("keys", "back", "quit", "clear", "leave", "close")
"""The words of the footer that are left out last."""

INPUT_HINTS = {
    "search": (
        ("Enter", "open"),
        ("↓ ↑", "results"),
        ("^T", "words/substring/regex"),
        ("^F", "filters"),
        ("Esc", "clear"),
    ),
    "ask": (("Enter", "ask"), ("^E", "editor"), ("^R", "repeat"), ("^C", "stop"), ("Esc", "leave")),
    "choose": (("Enter", "choose"), ("↓ ↑", "move"), ("Esc", "close")),
    "prompt": (("Enter", "save"), ("Esc", "leave")),
    "confirm": (("y", "yes"), ("n", "no")),
    "details": (("?", "keys"), ("Esc", "close")),
    "mark": (("j k", "extend"), ("y", "copy"), ("m", "remember"), ("Esc", "leave")),
}


def for_key(name: str, pane: str) -> Key | None:
    """Return what a key does in a pane."""
    return next((key for key in KEYS if name in key.keys.split(",") and pane in key.panes), None)


def command_line(key: Key, pane: str, *, session: Entry | None, message: Message | None, newest: bool) -> str:
    """Return the command line of a key for the session and the message under the cursor.

    `newest` is True if the message is the newest reply, the only one that `segue show -r` and `-x` print.
    """
    command = key.command
    if key.action in ("copy_message", "copy_code") and not newest:
        command = "segue show ID --around MESSAGE"
    if key.action == "fork" and pane == LIST:
        command = command.partition(" --upto")[0]
    if session is not None:
        if (key.action == "pin" and session.pinned) or (key.action == "archive" and session.archived):
            command = command.replace("segue ", "segue un", 1)
        command = command.replace("ID", short_id(session.id), 1)
    return command if message is None else command.replace("MESSAGE", str(message.id))


def named(keys: str, signs: Signs) -> str:
    """Return the names of keys, with words for the arrows where only ASCII can be shown."""
    return keys if signs.ellipsis == texts.ELLIPSIS else keys.translate(ARROWS)


def hints(state: str) -> tuple[tuple[str, str], ...]:
    """Return the keys and words of the footer in a state."""
    if state in INPUT_HINTS:
        return INPUT_HINTS[state]
    found = [BY_ACTION[name] for name in FOOTERS[state].split()]
    special = {"down": ("j k", "move" if state == LIST else "message"), "previous_question": ("[ ]", "question")}
    back = ("Esc", "back")
    return tuple(
        back if key.action == "escape" else special.get(key.action, (key.shown.split()[0], key.hint)) for key in found
    )


def fitting(pairs: list[tuple[str, str]], room: int) -> list[tuple[str, str]]:
    """Return the hints that fit into the cells. Those that lead out and the one for all keys are the last to go."""
    pairs = [*pairs]
    while len(pairs) > 1 and sum(texts.width(key) + texts.width(word) + 4 for key, word in pairs) - 3 > room:
        at = next((at for at in range(len(pairs) - 1, -1, -1) if pairs[at][1] not in LAST_HINTS), 0)
        del pairs[at]
    return pairs
