"""The table of the commands of `segue`, a generated file: shells and the help use it without importing each command."""

from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).parents[2] / "shell" / "completion.tsv"


class Row(NamedTuple):
    """A word that can be completed."""

    command: str
    """The path of the command it belongs to; empty at the top."""
    word: str
    """`@` for an argument."""
    kind: str
    """A command, flag, value, file, session, memory or method, or `one of ` and the choices."""
    description: str


def read_table() -> str:
    """Return the table: a line for each row, the values separated by tabs."""
    return TABLE.read_text(encoding="utf-8").rstrip("\n")


def summaries() -> dict[str, str]:
    """Return the summary of each command at the top."""
    rows = (Row(*line.split("\t")) for line in read_table().splitlines())
    return {row.word: row.description for row in rows if (row.command, row.kind) == ("", "command")}
