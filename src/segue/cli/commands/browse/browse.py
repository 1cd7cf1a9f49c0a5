"""The `browse` command."""

import os
import sys
from importlib.util import find_spec

import click

from segue.cli.daemon_client import STARTS, DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.integration.own_command import global_options, own_program
from segue.cli.output.terminal import Failure, warn
from segue.cli.session_lookup import current_place

MISSING = "segue browse needs Textual; add it with: pipx inject segue textual"


@command(examples=["segue browse", "segue browse --theme light"])
@click.option("--theme", type=click.Choice(["dark", "light", "ansi", "auto"]), help="Colors; auto: by the terminal.")
@click.option("--ascii", "only_ascii", is_flag=True, help="Draw with ASCII characters only.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal, for selecting text.")
@click.pass_context
@pass_daemon
def browse(daemon: DaemonClient, context: click.Context, *, theme: str | None, only_ascii: bool, no_mouse: bool) -> int:
    """Look through all sessions on the whole screen.

    The list is at the left, the conversation at its right. / searches while you type, Enter opens, Esc goes back,
    ? shows all keys, q quits. Messages appear as they arrive. `segue` without arguments does the same on a terminal.
    """
    check_terminal()
    from segue.browse.start import ask_daemon, choose_theme, has_unicode

    first = ask_daemon(daemon.paths)
    from segue.browse.appearance import load, save

    looks = load()
    if theme == "auto" and looks.theme is not None:
        looks.theme = None
        save(looks)
    theme = choose_theme(theme or looks.theme)
    os.environ.setdefault("ESCDELAY", "25")  # Textual waits 100 ms for the rest of a key otherwise
    os.environ.setdefault("TEXTUAL_FPS", "120")  # Textual would draw what was found up to 17 ms later
    no_color = bool(os.environ.get("NO_COLOR"))
    from segue.browse.app import Browse
    from segue.browse.options import Options
    from segue.browse.views.theme import ASCII, Signs

    options = Options(
        target=daemon.paths,
        program=[*own_program(), *global_options(context.find_root())],
        place=current_place(daemon),
        theme="ansi" if no_color else theme,
        signs=ASCII if only_ascii or not has_unicode() else Signs(),
        mouse=not no_mouse,
        no_color=no_color,
        looks=looks,
        keeps_looks=True,
    )
    app = Browse(options, first)
    app.run(mouse=options.mouse)
    if not first.done():
        warn(STARTS)
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0


def can_browse() -> bool:
    """Return True if `segue` without arguments opens the browser: on a terminal, with Textual installed."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    is_plain = os.environ.get("TERM") in (None, "", "dumb") or bool(os.environ.get("SEGUE_PLAIN"))
    return (
        not is_plain
        and all(stream is not None and stream.isatty() for stream in streams)
        and bool(find_spec("textual"))
    )


def check_terminal() -> None:
    """Check that the browser can be shown.

    Raises:
        Failure: There is no terminal, it cannot move its cursor, or Textual is not installed.
    """
    if find_spec("textual") is None:
        raise Failure(MISSING)
    for name, stream in (("standard input", sys.stdin), ("standard error", sys.__stderr__)):
        if stream is None or not stream.isatty():
            raise Failure(f"segue browse needs a terminal, but {name} is none; use segue list and segue show")
    if os.environ.get("TERM") in (None, "", "dumb") or os.environ.get("SEGUE_PLAIN"):
        raise Failure("the terminal cannot move its cursor (TERM or SEGUE_PLAIN); use segue list and segue show")
