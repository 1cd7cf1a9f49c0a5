"""The recipes for Neovim and Emacs in the real editors."""

import subprocess
from pathlib import Path

from tests.process.asking import messages
from tests.process.command_line import Cli
from tests.process.docs.blocks import programs
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS

RECIPES = programs("recipes")
TEXT = "nginx answers 502 with é, 日本 and 'quotes'"


def run(cli: Cli, command: list[str]) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cli.directory,
        env=cli.given(LANG="C.UTF-8").environment,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


def test_neovim_searches_and_stores_lines(segue: Cli, segued: Segued, tmp_path: Path) -> None:
    [[_, id]] = segue.ok("add", TEXT).rows
    plugin = tmp_path / "config" / "nvim" / "plugin" / "segue.lua"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(RECIPES["nvim"].text)
    (segue.directory / "file").write_text("first\nsecond é\nthird\n")
    vim = segue.given(XDG_CONFIG_HOME=str(tmp_path / "config"))
    wait = "lua vim.wait(20000, function() return vim.fn.line('$') > 1 end)"
    search = ["-c", "Segue nginx 502", "-c", wait, "-c", "silent %write! found", "-c", "bwipeout!"]
    run(vim, ["nvim", "--headless", "file", "-c", "2,3w !segue add -", *search, *search, "-c", "qa!"])
    assert (segue.directory / "found").read_text() == f"{id} user: {TEXT}\n\n"
    assert [one["content"] for one in messages(segued)] == [TEXT, "second é\nthird\n"]


def test_emacs_searches_and_stores_the_region(segue: Cli, segued: Segued, tmp_path: Path) -> None:
    [[_, id]] = segue.ok("add", TEXT).rows
    (tmp_path / "init.el").write_text(RECIPES["emacs"].text)
    lines = [
        '(with-temp-buffer (insert "region é\\n") (segue-add (point-min) (point-max)))',
        '(segue-search "nginx 502")',
        '(princ (with-current-buffer "*segue*" (buffer-string)))',
        '(condition-case found (segue-call :message.get :message_id 99) (jsonrpc-error (princ "no such message")))',
    ]
    batch = ["emacs", "--quick", "--batch", "-l", str(tmp_path / "init.el")]
    found = run(segue, [*batch, "--eval", f"(progn {' '.join(lines)})"])
    assert found == f"{id} user: {TEXT}\nno such message"
    assert [one["content"] for one in messages(segued)] == [TEXT, "region é\n"]
