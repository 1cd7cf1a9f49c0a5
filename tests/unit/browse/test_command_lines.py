"""The command lines that the palette shows beside the keys."""

import shlex

import click
import pytest

from segue.browse.keys import BY_ACTION, KEYS, LIST, READ, Key, command_line
from segue.cli.main import command
from tests.unit.browse.test_data import entry
from tests.unit.browse.test_drawing import message

SESSION = "2026-11-21-0531-754"
WITH_COMMAND = [(key, pane) for key in KEYS for pane in key.panes if key.command]


def shown(action: str, pane: str, *, newest: bool = True, **session: bool) -> str:
    return command_line(BY_ACTION[action], pane, session=entry(SESSION, **session), message=message(), newest=newest)


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize(("key", "pane"), WITH_COMMAND, ids=lambda value: getattr(value, "action", value))
def test_each_command_line_is_one_that_segue_accepts(key: Key, pane: str, *, newest: bool) -> None:
    line = command_line(key, pane, session=entry(SESSION), message=message(), newest=newest)
    name, *words = shlex.split(line.replace(" N ", " 1 "))[1:]
    root = click.Context(command)
    found = command.get_command(root, name)
    while isinstance(found, click.Group):
        found = found.get_command(click.Context(found), words.pop(0))
    assert found is not None
    context = found.make_context(name, words, parent=root)  # It parses the words, and runs nothing
    given = [*map(str, context.params.values())]
    assert all(any(word in value for value in given) for word in words if not word.startswith("-"))


def test_a_key_has_the_command_line_of_what_it_does_where_the_cursor_is() -> None:
    id = message().id
    assert shown("fork", LIST) == "segue fork 0531-754"
    assert shown("fork", READ) == f"segue fork 0531-754 --upto {id}"
    assert shown("pin", LIST, pinned=True) == "segue unpin 0531-754"
    assert shown("archive", READ, archived=True) == "segue unarchive 0531-754"
    assert shown("copy_message", READ) == "segue show -r 0531-754"
    assert shown("copy_message", READ, newest=False) == f"segue show 0531-754 --around {id}"
    assert shown("copy_code", READ) == "segue show -x N 0531-754"
    assert shown("copy", LIST) == ""
