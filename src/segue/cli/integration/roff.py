"""Convert the Markdown of the manual to roff, the format of man pages."""

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

BOLD, ITALIC, ROMAN = "\\fB", "\\fI", "\\fR"


def to_roff(markdown: str) -> str:
    """Return the man macros of a topic: its title is a section, its headings are subsections.

    1. Parse the Markdown into a flat list of tokens.
    2. Write one macro for each block. A row of a table becomes a tagged paragraph, because man has no wide tables.
    3. Escape the text, so that no line of it is a macro.
    """
    lines: list[str] = []
    for line in _Writer(MarkdownIt("commonmark").enable("table").parse(markdown)).lines():
        if line != ".PP" or not lines[-1].startswith((".SH", ".SS")):  # man begins a paragraph after a heading
            lines.append(line)
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text that roff prints unchanged; only the beginning of a line may still look like a macro."""
    for character, name in (("\\", "e"), ("-", "-"), ("'", "(aq"), ("`", "`"), ("^", "(ha"), ("~", "(ti")):
        text = text.replace(character, f"\\{name}")
    return text


def protect_lines(text: str) -> str:
    """Return the text with no line that begins like a macro."""
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in text.split("\n"))


class _Writer:
    """A writer of the blocks of one topic."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = iter(tokens)
        self._numbers: list[int | None] = []
        self._begins_item = False

    def lines(self) -> Iterator[str]:
        """Yield the lines of all blocks."""
        for token in self._tokens:
            match token.type:
                case "heading_open":
                    yield from self._heading(token.tag)
                case "inline":
                    yield inline(token)
                case "fence" | "code_block":
                    yield from (
                        ".PP",
                        ".in +4n",
                        ".EX",
                        protect_lines(escape(token.content.rstrip("\n"))),
                        ".EE",
                        ".in",
                    )
                case "table_open":
                    yield from self._table()
                case _:
                    yield from self._list_or_paragraph(token.type)

    def _list_or_paragraph(self, kind: str) -> Iterator[str]:
        match kind:
            case "paragraph_open":
                if not self._begins_item:
                    yield ".PP"
                self._begins_item = False
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(1)
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                yield self._item()

    def _heading(self, tag: str) -> Iterator[str]:
        text = inline(next(self._tokens))
        if tag == "h1":
            yield f'.SH "{text.upper()}"'
        elif tag == "h2":
            yield f'.SS "{text}"'
        else:
            yield from (".PP", f"{BOLD}{text}{ROMAN}")

    def _item(self) -> str:
        self._begins_item = True
        number = self._numbers[-1]
        if number is None:
            return ".IP \\(bu 2"
        self._numbers[-1] = number + 1
        return f".IP {number}. 3"

    def _table(self) -> Iterator[str]:
        row: list[str] = []
        in_head = True
        for token in self._tokens:
            if token.type == "inline":
                row.append(inline(token))
            elif token.type == "tr_close":
                if not in_head:
                    yield from (".TP", row[0] or "\\&", "; ".join(filter(None, row[1:])) or "\\&")
                row, in_head = [], False
            elif token.type == "table_close":
                return


def inline(token: Token) -> str:
    """Return the text of a paragraph with its fonts."""
    return protect_lines("".join(_piece(child) for child in token.children or ()))


def _piece(token: Token) -> str:
    match token.type:
        case "text":
            return escape(token.content)
        case "code_inline":
            return f"{BOLD}{escape(token.content)}{ROMAN}"
        case "strong_open":
            return BOLD
        case "em_open":
            return ITALIC
        case "strong_close" | "em_close":
            return ROMAN
        case "softbreak" | "hardbreak":
            return "\n"
        case "image":
            return escape(token.content)
    return ""
