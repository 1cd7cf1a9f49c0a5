"""The commands and programs in the README and the manual run, and print what the pages show."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from segue.config import Config, parse_config
from tests.process.command_line import Terminal
from tests.process.docs.blocks import PAGES, SESSION_ID, blocks, exchanges, pages_with, steady
from tests.support.docs import README
from tests.support.process import Segued


@pytest.mark.parametrize("page", pages_with("console"))
def test_console_blocks_print_what_the_page_shows(page: str, segued: Segued, environment: dict[str, str]) -> None:
    segued.start(env=environment)
    directory = segued.folder / "proj"
    directory.mkdir()
    made: dict[str, str] = {}
    for command, output in exchanges(PAGES[page].read_text()):
        for written, real in made.items():
            command = command.replace(written, real)
        code, screen = Terminal(["/bin/sh", "-c", command], environment, directory, columns=125).finish()
        assert (code, steady(screen, segued.folder)) == (0, steady(output, segued.folder)), command
        made.update(zip(re.findall(SESSION_ID, output), re.findall(SESSION_ID, screen), strict=True))
        if command == "segue stop":
            segued.wait()


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_blocks_run(page: str, segued: Segued, environment: dict[str, str]) -> None:
    segued.start(env=environment)
    for number, code in enumerate(blocks(PAGES[page].read_text(), "python")):
        script = segued.folder / f"script{number}.py"
        script.write_text(code)
        code_and_screen = Terminal([sys.executable, str(script)], environment, segued.folder, columns=100).finish()
        assert code_and_screen[0] == 0, code_and_screen


def test_python_blocks_pass_a_strict_type_check(tmp_path: Path) -> None:
    scripts = []
    for page in pages_with("python"):
        for number, code in enumerate(blocks(PAGES[page].read_text(), "python")):
            scripts.append(tmp_path / f"{page.lower()}_{number}.py")
            scripts[-1].write_text(code)
    assert scripts
    command = [sys.executable, "-m", "mypy", "--strict", *map(str, scripts)]
    done = subprocess.run(command, cwd=README.parent, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout


def test_the_configuration_block_holds_every_key_with_its_default() -> None:
    [text] = blocks(PAGES["configuration"].read_text(), "toml")
    assert parse_config(text, README) == Config()
    keys = set(re.findall(r"^(?:# )?(\w+) =", text, re.MULTILINE))
    sections = [getattr(Config(), section) for section in Config.__struct_fields__]
    assert keys == {field.encode_name for section in sections for field in msgspec.structs.fields(section)}
