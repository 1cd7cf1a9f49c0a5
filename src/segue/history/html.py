"""A session as one HTML file: no network, light and dark, calls folded, code highlighted, with a search box.

Every text is escaped by markdown-it, Pygments or `html.escape`. A policy in the page forbids every script but its own
and every request, so that a mistake in one of them does no harm.
"""

import base64
import html
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from segue.conversation.parts import ToolResult, is_media, tool_calls, tool_results
from segue.history.bundle import Bundle
from segue.shell.prompt_text import plain_name

HIGHLIGHTED_CHARS = 100_000
"""Characters of a code block; a longer one is not highlighted, because that takes seconds."""

SHORT_CHARS = 120
"""Characters of the arguments or of the result that a folded call shows."""

STYLE = """
:root { color-scheme: light dark; --line: #d8dee4; --soft: #f6f8fa; --text: #1f2328; --faint: #59636e }
@media (prefers-color-scheme: dark) {
  :root { --line: #30363d; --soft: #161b22; --text: #e6edf3; --faint: #9198a1 }
  body { background: #0d1117 }
}
body { color: var(--text); font: 16px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 52rem; padding: 1.5rem }
header { border-bottom: 1px solid var(--line); margin-bottom: 1rem }
h1 { font-size: 1.5rem; overflow-wrap: anywhere }
dl { display: grid; gap: .1rem 1rem; grid-template-columns: max-content 1fr; color: var(--faint); font-size: .85rem }
dd { margin: 0; overflow-wrap: anywhere }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem .7rem; border: 1px solid var(--line);
  border-radius: .4rem; background: var(--soft); color: inherit; position: sticky; top: .5rem }
article { border-left: 3px solid var(--line); margin: 1.2rem 0; padding: .1rem 0 .1rem 1rem; overflow-wrap: anywhere }
article.user { border-color: #0969da } article.assistant { border-color: #1a7f37 } article.injected { opacity: .65 }
article > h2 { font-size: .85rem; margin: 0; color: var(--faint); font-weight: 600 }
time { font-weight: 400 } [hidden] { display: none }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; overflow: auto; padding: .7rem }
code, pre { font: .875em/1.45 ui-monospace, monospace }
details { margin: .5rem 0 } summary { cursor: pointer; color: var(--faint) } .failed > summary { color: #cf222e }
table { border-collapse: collapse; display: block; max-width: 100%; overflow: auto }
td, th { border: 1px solid var(--line); padding: .2rem .5rem }
blockquote { border-left: 3px solid var(--line); color: var(--faint); margin: 1rem 0; padding-left: 1rem }
:not(pre) > code { background: var(--soft); border-radius: .25rem; padding: .1em .3em }
output { color: var(--faint); display: block; font-size: .85rem; min-height: 1.3rem }
summary { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
details[open] > summary { white-space: normal }
@media (max-width: 40rem) { body { padding: 1rem } article { padding-left: .7rem } }
@media print { input, output { display: none } article { break-inside: avoid } }
"""

SCRIPT = """
const box = document.querySelector("input"), count = document.querySelector("output");
const turns = [...document.querySelectorAll("article")].map(a => [a, a.textContent.toLowerCase()]);
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let found = 0;
  for (const [turn, text] of turns) {
    const hit = words.every(word => text.includes(word));
    turn.hidden = !hit;
    found += hit;
    for (const fold of turn.querySelectorAll("details"))
      fold.open = words.length > 0 && hit && words.some(word => fold.textContent.toLowerCase().includes(word));
  }
  count.textContent = words.length ? `${found} of ${turns.length} messages` : "";
});
"""

_HEADINGS = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}


def render(bundle: Bundle) -> str:
    """Return the page."""
    session = bundle.session
    title = html.escape(plain_name(session["name"], session["id"]))
    shown = "".join(f"<dt>{name}</dt><dd>{html.escape(str(fact))}</dd>" for name, fact in bundle.facts().items())
    digest = base64.b64encode(sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    light, dark = HtmlFormatter(style="default"), HtmlFormatter(style="github-dark")
    colors = f"{_colors(light)}\n@media (prefers-color-scheme: dark) {{ {_colors(dark)} }}"
    markdown = _markdown()
    turns = "\n".join(_message(markdown, message) for message in bundle.messages)
    prompt = _folded("System prompt", _pre(session["system_prompt"])) if session["system_prompt"] else ""
    notes = "".join(_notes(title, [row[member] for row in rows]) for title, rows, member in (
        ("Summaries", bundle.summaries, "summary"), ("Memories", bundle.memories, "fact")
    ))  # fmt: skip
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{STYLE}{colors}</style>
</head>
<body>
<header><h1>{title}</h1><dl>{shown}</dl>{prompt}</header>
<input type="search" placeholder="Search this conversation" aria-label="Search this conversation"><output></output>
<main>
{turns}
</main>
{notes}
<script>{SCRIPT}</script>
</body>
</html>
"""


def _message(markdown: MarkdownIt, message: dict[str, Any]) -> str:
    marks = [mark for mark in ("injected", "abandoned") if message["metadata"].get(mark)]
    labels = [_HEADINGS[message["role"]], message["model"] or "", *marks]
    if "interrupted" in (message["stop_reason"], message["state"]):
        labels.append("interrupted")
    heading = html.escape(" · ".join(filter(None, labels)))
    parts = message["parts"] or []
    content = message["content"]
    body = [_pre(content) if "injected" in marks else markdown.render(content)] if content else []
    for part in parts:
        if part.get("type") == "thinking" and part.get("thinking"):
            body.append(_folded("Thinking", _pre(str(part["thinking"]))))
        elif is_media(part):
            body.append(f"<p><em>[{html.escape(str(part['type']))}]</em></p>")
    for call in tool_calls(parts):
        arguments = msgspec.json.format(msgspec.json.encode(call.arguments)).decode()
        short = " ".join(msgspec.json.encode(call.arguments).decode().split())[:SHORT_CHARS]
        body.append(_folded(f"{call.name} {short}", _code(arguments, "json")))
    body += [_result(result) for result in tool_results(parts)]
    classes = " ".join([message["role"], *marks])
    return (
        f'<article class="{classes}" id="message-{message["id"]}"><h2>{heading} '
        f"{_time(message['created_at'])}</h2>{''.join(body)}</article>"
    )


def _time(at: str) -> str:
    at = html.escape(at)
    return f'<time datetime="{at}" title="{at}">{at[:10]} {at[11:16]} UTC</time>'


def _result(result: ToolResult) -> str:
    begin = " ".join(result.text[: 4 * SHORT_CHARS].split())[:SHORT_CHARS]
    name = "Result (error)" if result.is_error else "Result"
    return _folded(f"{name}: {begin}" if begin else name, _pre(result.text), failed=result.is_error)


def _markdown() -> MarkdownIt:
    """Return a renderer of Markdown without raw HTML and without images, which would be fetched."""
    markdown = MarkdownIt("commonmark", {"html": False, "highlight": lambda code, name, _: _highlighted(code, name)})
    markdown.enable("table").enable("strikethrough").disable("image")
    markdown.add_render_rule("link_open", _link_open)
    return markdown


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return renderer.renderToken(tokens, index, options, env)


def _code(code: str, language: str) -> str:
    return f"<pre><code>{_highlighted(code, language)}</code></pre>"


def _highlighted(code: str, language: str) -> str:
    """Return a block of code as escaped HTML, highlighted if the language is known."""
    if len(code) > HIGHLIGHTED_CHARS or not language:
        return html.escape(code)
    try:
        lexer = get_lexer_by_name(language.split()[0].lower())
    except ClassNotFound:
        return html.escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def _colors(formatter: Any) -> str:
    return str(formatter.get_style_defs("pre"))


def _pre(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


def _folded(title: str, body: str, *, failed: bool = False) -> str:
    mark = ' class="failed"' if failed else ""
    return f"<details{mark}><summary>{html.escape(title)}</summary>{body}</details>"


def _notes(title: str, texts: list[str]) -> str:
    if not texts:
        return ""
    return f"<section><h2>{title}</h2><ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul></section>"
