"""Every command explains itself: a short summary, a text for each option, and examples that parse."""

import shlex
from collections.abc import Iterator

import click
import pytest

from segue.cli.integration.completion_table import TABLE
from segue.cli.main import COMMANDS, SECTIONS, command
from tests.process.docs.completion import text

SUMMARY_CHARS = 60


def walk(parent: click.Group, ctx: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in parent.list_commands(ctx):
        found = parent.get_command(ctx, name)
        assert found is not None
        inner = click.Context(found, parent=ctx, info_name=name, resilient_parsing=True)
        yield inner.command_path, found, inner
        if isinstance(found, click.Group):
            yield from walk(found, inner)


ROOT = click.Context(command, info_name="segue", **command.context_settings)
ALL = {path: (found, ctx) for path, found, ctx in walk(command, ROOT)}


def parse(words: list[str]) -> None:
    """Parse a command line as `segue` does, without running it."""
    ctx = command.make_context("segue", words[1:])
    while isinstance(ctx.command, click.Group):
        rest = [*ctx._protected_args, *ctx.args]
        name, found, arguments = ctx.command.resolve_command(ctx, rest)
        assert found is not None
        ctx = found.make_context(name, arguments, parent=ctx)


@pytest.mark.parametrize("path", ALL)
def test_a_summary_is_short_and_imperative(path: str) -> None:
    found, _ = ALL[path]
    first_line = (found.help or "").partition("\n")[0]
    assert 0 < len(first_line) <= SUMMARY_CHARS
    assert first_line.endswith(".")
    assert first_line.split()[0][-1] != "s"
    assert len(found.get_short_help_str(limit=1000)) <= SUMMARY_CHARS


@pytest.mark.parametrize("path", ALL)
def test_every_option_has_a_text(path: str) -> None:
    found, ctx = ALL[path]
    options = [one for one in found.get_params(ctx) if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help or not one.help.endswith(".")] == []


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_examples_that_parse(path: str) -> None:
    found, ctx = ALL[path]
    assert "\nExamples:\n" in found.get_help(ctx)
    used = []
    for example in vars(found)["examples"]:
        calls = [part.split("$(")[-1] for part in example.split("|") if "segue" in part]
        for call in calls:
            bare = call.partition(" < ")[0].partition(" > ")[0]
            words = shlex.split(bare.rstrip('")') if "$(" in example else bare)
            assert words[0] == "segue"
            used.append(" ".join(words))
            parse(words)
    assert any(line.startswith(path) for line in used)


def test_the_table_of_the_commands_is_up_to_date() -> None:
    assert TABLE.read_text() == text(), "run: python -m tests.support.docs --write"


def test_the_help_groups_the_commands() -> None:
    text = command.get_help(ROOT)
    headings = [line[:-1] for line in text.splitlines() if line[:-1] in SECTIONS]
    assert headings == [*SECTIONS]
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert "Exit status:" in text
