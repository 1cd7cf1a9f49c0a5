"""The scripts that `segue init` prints, as each shell and shellcheck read them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segue.cli.commands.operate.init import PARTS, SCRIPTS

SEGUE = str(Path(sys.executable).with_name("segue"))


@pytest.fixture(params=["zsh", "bash", "fish"])
def printed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write what `segue init` prints for a shell, which the file is named after."""
    script = tmp_path / str(request.param)
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([SEGUE, "init", script.name], env=environment, capture_output=True, check=True)
    assert done.stderr == b""
    script.write_bytes(done.stdout)
    return script


def test_each_shell_can_read_its_script(printed: Path) -> None:
    done = subprocess.run([printed.name, "-n", printed], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_shell_can_read_the_parts(printed: Path) -> None:
    for part in PARTS:
        file = SCRIPTS / printed.name / f"{part}.{printed.name}"
        done = subprocess.run([printed.name, "-n", file], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_locale_changes_nothing(printed: Path, tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **plain}
    done = subprocess.run([SEGUE, "init", printed.name], env=environment, capture_output=True, check=True)
    assert done.stdout == printed.read_bytes()


def test_options_and_aliases_of_zsh_do_not_change_how_it_is_read(tmp_path: Path) -> None:
    odd = "setopt sh_glob csh_junkie_quotes ignore_braces; alias local=false typeset=false"
    script = tmp_path / "script"
    script.write_text(f'{odd}\neval "$({SEGUE} init zsh)"\nsegue_prompt && echo done\n')
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(["zsh", "-f", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_shell_without_a_person_is_left_as_it_is(printed: Path, tmp_path: Path) -> None:
    strict = {"zsh": "setopt err_exit no_unset", "bash": "set -eu", "fish": "true"}[printed.name]
    script = tmp_path / "script"
    script.write_text(f"{strict}\nsource {printed}\nsource {printed}\necho done\n")
    clean = {"zsh": ["zsh", "-f"], "bash": ["bash", "--norc"], "fish": ["fish", "--no-config"]}[printed.name]
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([*clean, script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_shellcheck_finds_nothing_in_the_script_for_bash(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    printed = subprocess.run([SEGUE, "init", "bash"], env=environment, capture_output=True, check=True).stdout
    # SC2016: words in the table of commands; SC2034, SC2178, SC2128: variables that are the shell's and the person's.
    excluded = "--exclude=SC2016,SC2034,SC2128,SC2178"
    command = ["shellcheck", "--shell=bash", excluded, "-"]
    done = subprocess.run(command, input=printed, capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode()) == (0, "")
