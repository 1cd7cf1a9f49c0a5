"""Pieces of a message's lines: what a call is about, what is known of an image, and marked matches."""

import re
from itertools import pairwise
from typing import Any

from rich.segment import Segment
from rich.style import Style

from segue.browse.views import text as texts
from segue.browse.views.wrapping import Line
from segue.conversation.parts import ToolCall
from segue.workflows.transcript import argument_text

ARGUMENTS = ("command", "cmd", "file_path", "pattern", "query", "path", "url", "description", "prompt")
"""Members of a call's arguments that say the most, the best first."""


TAG = re.compile(r"</?[\w:-]+>|```\w*")
"""A line that only begins or ends what a tool printed."""


def call_summary(call: ToolCall) -> str:
    """Return the most telling argument of a call as one line."""
    arguments = call.arguments
    if isinstance(arguments, dict):
        for name in ARGUMENTS:
            if isinstance(value := arguments.get(name), str) and value.strip():
                return texts.line(" ".join(value.split()))
    return texts.line(" ".join(argument_text(arguments).split())) if arguments not in (None, {}) else ""


def first_telling(text: str) -> str:
    """Return the first line of an outcome that says something: a tag around it, such as `<output>`, does not."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if not TAG.fullmatch(line)), lines[0] if lines else "")


def media_facts(part: dict[str, Any]) -> str:
    """Return what is known of an image or a file: its kind, media type, name and size."""
    source = part.get("source") if isinstance(part.get("source"), dict) else part
    assert isinstance(source, dict)  # noqa: S101 - for the type checker
    facts = [str(part["type"])]
    facts += [texts.line(str(source[name])) for name in ("media_type", "name", "filename") if source.get(name)]
    if isinstance(data := source.get("data"), str):
        facts.append(f"{len(data) * 3 // 4 // 1024 + 1} KB")
    return "  ".join(facts)


def marked(line: Line, query: re.Pattern[str], style: Style) -> Line:
    """Return the line with each match of the query marked."""
    whole = "".join(segment.text for segment in line)
    plain = texts.without_fillers(whole)
    spans = [match.span() for match in query.finditer(plain) if match.end() > match.start()]
    if not spans:
        return line
    if plain != whole:
        places = [at for at, sign in enumerate(whole) if sign != texts.FILLER] + [len(whole)]
        spans = [(places[start], places[end]) for start, end in spans]
    marked: Line = []
    at = 0
    for text, own, _ in line:
        cuts = sorted({0, len(text), *(min(max(edge - at, 0), len(text)) for span in spans for edge in span)})
        for start, end in pairwise(cuts):
            inside = any(first <= at + start and at + end <= last for first, last in spans)
            marked.append(Segment(text[start:end], (own or Style()) + style if inside else own))
        at += len(text)
    return marked
