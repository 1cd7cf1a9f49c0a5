"""The manual: one Markdown file per topic, in the order of `segue help`."""

import re
from pathlib import Path

SECTIONS = {
    "Start": ("quickstart", "concepts", "commands"),
    "Use": ("shell", "ask", "search", "browse", "stats", "recipes"),
    "Other tools": ("history", "history-plugins", "mcp", "integrations"),
    "Program": ("python", "javascript", "methods", "errors", "events", "protocol"),
    "Operate": ("configuration", "daemon", "backup", "sync", "sync-hubs", "troubleshooting"),
    "Trust": ("privacy", "limits", "performance", "reliability"),
    "Develop": ("design", "developing", "glossary"),
}
"""The topics under the headings of `segue help`, the ones for newcomers first."""

TOPICS = tuple(topic for topics in SECTIONS.values() for topic in topics)

FOLDER = Path(__file__).parent

_FOR_BROWSERS = re.compile(
    r"^(?:<!--.*?-->\n|(?:<picture>.*?</picture>|!\[[^\]]*\]\([^)]*\))\n\n?)", re.MULTILINE | re.DOTALL
)
"""Pictures, and the marks around generated parts. Neither helps in a terminal."""


def topic_path(topic: str) -> Path:
    """Return the Markdown file of a topic."""
    return FOLDER / f"{topic}.md"


def read_topic(topic: str) -> str:
    """Return the Markdown of a topic without its pictures and the marks of its generated parts."""
    return _FOR_BROWSERS.sub("", topic_path(topic).read_text(encoding="utf-8"))


def summary_of(topic: str) -> str:
    """Return the first sentence of a topic, as `segue help` lists it."""
    return read_topic(topic).split("\n\n", 2)[1].replace("\n", " ").replace("`", "")
