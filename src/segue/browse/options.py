"""The options that the command line passes to the browser."""

from typing import NamedTuple

from segue.browse.appearance import Looks
from segue.browse.views.theme import Signs
from segue.client.connect import Target


class Options(NamedTuple):
    """The daemon, the place of the user, and how to draw."""

    target: Target
    program: list[str]
    """The command that runs `segue` for the same daemon."""
    place: dict[str, str]
    """The current directory, project and terminal: what is continued here, and where a session is resumed."""
    theme: str
    signs: Signs = Signs()
    mouse: bool = True
    no_color: bool = False
    looks: Looks | None = None
    keeps_looks: bool = False
    """True to keep what the user chooses for the next run."""
