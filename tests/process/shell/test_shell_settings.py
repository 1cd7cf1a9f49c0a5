"""The prompt beside what the user set in zsh, bash and fish: options, commands of the prompt, exit status and jobs."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.process.shell.conftest import PATIENT, Open
from tests.process.shells import open_shell
from tests.support.process import Segued


def test_a_shell_with_strict_options_is_not_hurt(segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "strict")
    shell = open_one()
    strict = {
        "zsh": "setopt no_unset ksh_arrays sh_word_split err_return ksh_glob no_match prompt_bang; IFS=:1",
        "bash": "set -u; IFS=:1; shopt -s nocasematch nullglob failglob; set -o noclobber",
        "fish": "true",
    }[shell.name]
    shell.run(f"eval '{strict}'")
    shell.clear()
    for _ in range(3):
        shell.show_prompt()
    shell.run("true segue")
    assert shell.prompt.startswith("strict (")
    for word in ("unbound", "not set", "error", "not found", "no match", "segue_"):
        assert word not in shell.screen.replace("SEGUE_PROMPT", "")


def test_the_install_line_twice_is_once(segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "once")
    shell = open_one()
    again = "segue init fish | source" if shell.name == "fish" else f'eval "$(segue init {shell.name})"'
    hooks = {"zsh": "echo $precmd_functions", "bash": 'echo "$PROMPT_COMMAND"', "fish": "functions --handlers"}
    before = shell.run(hooks[shell.name])
    assert shell.run(again) == ""
    assert sorted(shell.run(hooks[shell.name]).split()) == sorted(before.split())
    assert shell.prompt.startswith("once (")


def test_the_status_of_the_last_command_stays(segue: Cli, open_one: Open) -> None:
    shell = open_one()
    shell.type("false\n")
    assert shell.run("echo $status" if shell.name == "fish" else "echo $?") == "1\n"


def test_nothing_of_it_is_a_job_and_nothing_holds_the_shell_at_its_end(
    segued: Segued, segue: Cli, open_one: Open
) -> None:
    segue.ok("new", "--name", "no job")
    shell = open_one(SEGUE_BUDGET="")
    shell.run("true segue")
    shell.wait_for_prompt("no job (")
    os.kill(segued.pid, signal.SIGSTOP)
    try:
        shell.show_prompt()
        assert shell.run("jobs") in ("", "jobs: There are no jobs\n")
        assert "[1]" not in shell.screen
        code, shown = shell.leave()
    finally:
        os.kill(segued.pid, signal.SIGCONT)
    assert code == 7
    # Not just "jobs", because the echo of the command above may still be on its way to the screen.
    assert not re.search("(running|stopped|suspended|still) jobs", shown)


APPENDED = [
    "PROMPT_COMMAND+='mark'",
    "PROMPT_COMMAND+=';mark;'",
    "PROMPT_COMMAND+='; mark'",
    "PROMPT_COMMAND+=$'\\nmark'",
    "PROMPT_COMMAND+=(mark)",
    'PROMPT_COMMAND=(mark "${PROMPT_COMMAND[@]}")',
    'PROMPT_COMMAND="mark; $PROMPT_COMMAND"',
    'PROMPT_COMMAND="${PROMPT_COMMAND%% }; mark"',
    'PROMPT_COMMAND="${PROMPT_COMMAND:+$PROMPT_COMMAND;}mark"',
    "PROMPT_COMMAND+='if true; then mark; fi'",
    "PROMPT_COMMAND+='[[ 1 ]] && mark'",
    "PROMPT_COMMAND+='{ mark; }'",
    "PROMPT_COMMAND+='mark >/dev/null'",
]
"""Ways in which people add a command to the prompt of bash."""


def test_a_command_added_to_prompt_command_runs(segue: Cli, segued: Segued, project: Path) -> None:
    segue.ok("new", "--name", "appended")
    environment = {**segued.environment, **PATIENT}
    with open_shell("bash", environment, project, after='own=("${PROMPT_COMMAND[@]}")\n') as shell:
        shell.run("eval 'mark() { marked=yes; }'")
        for form in APPENDED:
            shell.run(f'marked=no SEGUE_PROMPT=; unset PROMPT_COMMAND; PROMPT_COMMAND=("${{own[@]}}"); {form}')
            assert shell.run('echo "$marked $SEGUE_PROMPT"').startswith("yes appended ("), form
        assert "not found" not in shell.screen
        assert "syntax error" not in shell.screen


ZSH_OPTIONS = (
    "force_float ksh_arrays sh_word_split no_unset extended_glob glob_subst no_glob warn_create_global",
    "sh_glob posix_identifiers octal_zeroes rc_expand_param no_multibyte ignore_braces all_export err_return",
)
"""Options of zsh that change what a script means; the second group excludes some of the first."""


@pytest.mark.parametrize("options", ZSH_OPTIONS, ids=["usual", "rare"])
def test_options_of_zsh_change_nothing(segue: Cli, segued: Segued, project: Path, options: str) -> None:
    segue.ok("new", "--name", "options")
    environment = {**segued.environment, "SEGUE_NO_AUTOSTART": "1", **PATIENT}
    with open_shell("zsh", environment, project, before=f"setopt {options}\n") as shell:
        shell.wait_for("[options (0, ")
        assert shell.run("slist").split("\t")[1] == "options"
        shell.show_prompt()
        for word in ("segue_", "not found", "error", "bad "):
            assert word not in shell.screen
