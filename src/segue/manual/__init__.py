"""The manual: one Markdown file per topic, in the order of `segue help`."""

from pathlib import Path

TOPICS = (
    "quickstart",
    "concepts",
    "commands",
    "shell",
    "ask",
    "search",
    "browse",
    "history",
    "history-plugins",
    "mcp",
    "stats",
    "integrations",
    "recipes",
    "python",
    "javascript",
    "methods",
    "errors",
    "events",
    "protocol",
    "configuration",
    "daemon",
    "backup",
    "sync",
    "sync-hubs",
    "privacy",
    "limits",
    "performance",
    "reliability",
    "troubleshooting",
    "design",
    "developing",
    "glossary",
)
"""Every topic, the ones for newcomers first."""

FOLDER = Path(__file__).parent


def topic_path(topic: str) -> Path:
    """Return the Markdown file of a topic."""
    return FOLDER / f"{topic}.md"


def read_topic(topic: str) -> str:
    """Return the Markdown of a topic without the marks of its generated parts."""
    lines = topic_path(topic).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("<!--"))


def summary_of(topic: str) -> str:
    """Return the first sentence of a topic, as `segue help` lists it."""
    return read_topic(topic).split("\n\n", 2)[1].replace("\n", " ")
