"""Questions about segue as people ask them, each with the section of the manual that answers it."""

from importlib import resources
from typing import NamedTuple


class Section(NamedTuple):
    """A section of the manual; the text includes the heading."""

    page: str
    heading: str
    text: str


def sections() -> list[Section]:
    """Return all sections of the manual."""
    pages = [page for page in resources.files("segue.manual").iterdir() if page.name.endswith(".md")]
    texts = {page.name.removesuffix(".md"): page.read_text(encoding="utf-8") for page in pages}
    return [
        Section(page, part.partition("\n")[0].strip(), part)
        for page, text in sorted(texts.items())
        for part in f"\n{text}".split("\n## ")
    ]


QUESTIONS: list[tuple[str, str, str]] = [
    ("how can I see only the code the model wrote last", "commands", "segue show"),
    ("what happens to my reply when I press control c while the model is answering", "ask", "Interrupt a reply"),
    ("the model gave a bad answer, can I ask the same thing again", "ask", "Repeat a question"),
    ("can I feed a file through a pipe into the question", "ask", "Pipe text in"),
    ("which exit code do I get when the model command fails", "ask", "Exit status"),
    ("does it keep the arguments of the model command that contain my api key", "ask", "What is stored with the reply"),
    ("how do I copy the database while everything is running", "backup", "Make a backup"),
    ("I want to go back to the backup of yesterday", "backup", "Restore a backup"),
    ("the disk has no space left, did I lose messages", "backup", "If the disk is full"),
    ("what must I do after installing a newer version", "backup", "Upgrade segue"),
    (
        "somebody deleted the database file while the daemon was running",
        "backup",
        "If the file was removed or replaced",
    ),
    ("my database is corrupt how do I repair it", "backup", "If the file is damaged"),
    ("which keys scroll and select in the full screen browser", "browse", "Keys"),
    ("does the browser work with a screen reader", "browse", "Plain terminals and screen readers"),
    ("how do I copy a message from the browser to the clipboard", "browse", "Copying"),
    ("why did it continue an old conversation instead of starting a new one", "concepts", "The continue rule"),
    ("do two git worktrees share the same conversation", "concepts", "Repositories and terminals"),
    ("how do I give each terminal window its own session", "concepts", "Repositories and terminals"),
    ("when are old conversations deleted", "concepts", "Retention"),
    ("how do I keep one session forever", "concepts", "Retention"),
    ("what does the status crashed mean", "concepts", "Status"),
    ("how do I store facts about the user that outlive a session", "concepts", "Memory"),
    ("can a retry store the same message twice", "concepts", "Message"),
    ("how do workers get sessions whose memories still have to be extracted", "concepts", "Extraction"),
    ("are the dates printed in local time or UTC", "concepts", "Time"),
    ("how does context.build decide which messages to drop", "concepts", "Context"),
    ("can I branch a conversation from an earlier message", "concepts", "Fork"),
    ("which environment variables change the socket and the database", "configuration", "Environment variables"),
    ("what is the default of continuity_hours", "configuration", "All keys with their defaults"),
    ("does the command line option win over the config file", "configuration", "Precedence"),
    ("where is the log of the daemon", "daemon", "Log"),
    ("where does it keep the database file on a mac", "daemon", "Where the files are"),
    ("how do I start it at login with systemd", "daemon", "Run it with systemd"),
    ("how can I forbid that the daemon starts automatically", "daemon", "Start"),
    ("how do I shut the daemon down", "daemon", "Stop and restart"),
    ("the daemon does not answer any more, which process should I kill", "daemon", "If the daemon hangs"),
    ("how do I check that the indexes and counters are right", "daemon", "Check its state"),
    ("what does error -32004 mean", "errors", "JSON-RPC errors"),
    ("with which status does segued exit if another daemon owns the database", "errors", "Exit statuses of segued"),
    ("how does a program get notified about new messages", "events", "Subscribe from a program"),
    ("my subscriber received a reset, what now", "events", "Handle a reset"),
    ("can I continue reading events after my connection broke", "events", "Resume after a disconnect"),
    ("import my old claude code conversations", "history", "Import"),
    ("write a session to html or markdown", "history", "Export"),
    ("pick up this conversation in codex", "history", "Continue in another tool"),
    ("use it as checkpointer of langgraph", "integrations", "LangGraph"),
    ("session memory for the openai agents sdk", "integrations", "OpenAI Agents SDK"),
    ("can I send several requests at once from node", "javascript", "Send a batch"),
    ("how long may the path of the unix socket be", "limits", "Fixed bounds"),
    ("what is the biggest message I can store", "limits", "Bounds in the configuration"),
    ("does it work on a network file system", "limits", "Known limits"),
    ("how do I connect an agent such as claude code to the mcp server", "mcp", "Connect an agent"),
    ("which tools does the agent see", "mcp", "Tools"),
    ("can stored text inject instructions into my agent", "mcp", "Stored text is data"),
    ("how fast is an append compared to redis and postgres", "performance", "What bounds an append"),
    ("can other users on this machine read my conversations", "privacy", "Who can read them"),
    ("hide passwords and api keys before they are stored", "privacy", "Redact secrets"),
    ("is a deleted message really gone from the disk", "privacy", "What deletion guarantees"),
    ("remove tokens that were stored before I turned redaction on", "privacy", "Remove stored secrets"),
    ("how are requests framed on the socket", "protocol", "Transport"),
    ("can I read the sqlite file directly with another program", "protocol", "The database file"),
    ("use the client from several threads", "python", "Use threads, and survive restarts"),
    ("how do I await calls in asyncio", "python", "Use anyio or asyncio"),
    ("which exceptions does the python client raise", "python", "Handle errors"),
    ("talk to the daemon with netcat only", "quickstart", "Use the socket without the command line"),
    ("how do I install it", "quickstart", "Install"),
    ("history for a langchain chat", "recipes", "LangChain"),
    ("what survives a power cut", "reliability", "Promises"),
    ("find messages with a regular expression", "search", "Other ways to match"),
    ("only search in the sessions of this directory from last week", "search", "Narrow the search"),
    ("why does my new message not show up in the results", "search", "When a message can be found"),
    ("show the conversation in my zsh prompt", "shell", "Install"),
    ("fuzzy search over all messages with a keyboard shortcut", "shell", "A key that searches"),
    ("put the session into the tmux status line or starship", "shell", "starship, powerlevel10k, tmux and others"),
    ("how many tokens did I use each month", "stats", "See how much there is"),
    ("begin the day of the statistics in my time zone", "stats", "Time zones"),
    ("the daemon does not start, what could be wrong", "troubleshooting", "The daemon does not start"),
    ("add a new command to the source code", "developing", "Add a command"),
    ("how is the write path built", "design", "The write path"),
]
