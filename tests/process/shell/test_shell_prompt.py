"""The prompt of zsh, bash and fish: it shows the directory's session, and never hurts."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.process.shells import Shell, open_shell
from tests.support.process import Segued

KINDS = {
    "zsh": ("zsh", {}),
    "bash": ("bash", {}),
    "bash without coproc": ("bash", {"SEGUE_BASH_COPROC": "0"}),
    "fish": ("fish", {}),
}
"""Each shell, and what makes it take another way."""

PATIENT = {"SEGUE_BUDGET": "20"}
"""What a test is about should come out on a machine that is busy too."""

Open = Callable[..., Shell]


@pytest.fixture(params=["zsh", "bash", "fish", pytest.param("bash without coproc")])
def open_one(request: pytest.FixtureRequest, segued: Segued, project: Path) -> Iterator[Open]:
    name, variables = KINDS[request.param]
    with ExitStack() as stack:

        def opened(directory: Path = project, before: str = "", **more: str) -> Shell:
            environment = {**segued.environment, "SEGUE_NO_AUTOSTART": "1", **PATIENT, **variables, **more}
            return stack.enter_context(open_shell(name, environment, directory, before=before))

        yield opened


def test_the_prompt_shows_the_session_that_the_directory_continues(segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "sorting dicts")
    shell = open_one()
    shell.wait_for("[sorting dicts (0, ")
    assert shell.prompt.startswith("sorting dicts (0, ")
    shell.run("segue add hello")
    assert shell.prompt.startswith("sorting dicts (1, ")
    shell.run("segue end")
    assert shell.prompt == ""


def test_each_directory_has_its_own(segue: Cli, open_one: Open, tmp_path: Path) -> None:
    other, empty = tmp_path / "other", tmp_path / "empty"
    other.mkdir()
    empty.mkdir()
    segue.ok("new", "--name", "the first")
    segue.at(other).ok("new", "--name", "the second")
    shell = open_one()
    for directory, name in [
        (other, "the second ("),
        (segue.directory, "the first ("),
        (empty, ""),
        (other, "the second ("),
    ]:
        shell.run(f"cd '{directory}'")
        shell.wait_for_prompt(name)


def test_an_ended_session_hides_none_that_goes_on(segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "goes on")
    ended = segue.id("--name", "was ended")
    segue.ok("end", ended)
    assert open_one().prompt.startswith("goes on (")


def test_looking_changes_nothing(segue: Cli, open_one: Open) -> None:
    crashed = segue.id("--name", "crashed")
    segue.ok("end", "--crashed", crashed)
    before = segue.ok("rpc", "session.get", f"session_id={crashed}").out
    assert open_one().prompt.startswith("crashed (")
    assert segue.ok("rpc", "session.get", f"session_id={crashed}").out == before


def test_a_session_that_is_too_old_to_be_continued_is_not_shown(segued: Segued, segue: Cli, open_one: Open) -> None:
    segued.stop()
    segued.config.write_text("[session]\ncontinuity_hours = 0.0002\n")  # 720 ms
    segued.start()
    segue.ok("new", "--name", "old soon")
    open_one().wait_for_prompt("")


def test_the_format_is_the_users(segue: Cli, open_one: Open) -> None:
    made = segue.id("--name", "a name that is long")
    shell = open_one(SEGUE_PROMPT_FORMAT="{id}|{messages}|{name}", SEGUE_PROMPT_LENGTH="6")
    assert shell.prompt in (f"{made}|0|a name", f"{made[:6]}|0|a name")


HOSTILE = "$(touch pwned)`touch pwned`%n\\e]0;x\\a\"';touch pwned;%{\\[\\u{age}你好😀é!"


def test_a_name_is_text_and_nothing_else(segue: Cli, open_one: Open, project: Path) -> None:
    wire_name = HOSTILE + "\u202e"
    segue.ok("new", "--name", wire_name)
    shell = open_one(SEGUE_PROMPT_LENGTH="200")
    shell.wait_for("你好😀é!")
    for _ in range(2):
        shell.show_prompt()
    assert shell.prompt
    assert "\u202e" not in shell.prompt
    assert not (project / "pwned").exists()
    assert "]0;x" in shell.screen  # it would have set the window's title


def test_a_name_is_text_in_a_prompt_made_the_careless_way_too(segue: Cli, open_one: Open, project: Path) -> None:
    segue.ok("new", "--name", HOSTILE)
    shell = open_one(SEGUE_PROMPT_LENGTH="200")
    if shell.name == "fish":
        shell.run("eval 'function fish_prompt; echo -n $SEGUE_PROMPT; echo careless\\>; end'")
    else:
        shell.run("eval 'careless() { PROMPT=\"$SEGUE_PROMPT careless> \"; PS1=$PROMPT; }'")
        hook = "precmd_functions+=(careless)" if shell.name == "zsh" else 'PROMPT_COMMAND="$PROMPT_COMMAND;careless"'
        shell.run(f"eval '{hook}'")
    shell.clear()
    shell.show_prompt()
    shell.wait_for("careless>")
    shell.show_prompt()
    assert shell.prompt
    assert not (project / "pwned").exists()


ODD = [
    b"with blanks  and 'quotes' \"double\"",
    b"back\\slash $(touch pwned) `x` %n !1",
    b"line\nfeed\ttab\x01\x7f",
    b"not utf-8 \xff\xc3(\xe2\x82\xed\xa0\x80\xf4\x90\x80\x80",
    "你好 😀 é".encode(),
    b"trailing newline\n",
    b"-n",
]


def test_any_directory_is_found(segued: Segued, segue: Cli, open_one: Open, tmp_path: Path) -> None:
    directories = [tmp_path / "odd" / os.fsdecode(name) for name in ODD]
    wire = segued.connect()
    for number, directory in enumerate(directories):
        directory.mkdir(parents=True)
        told = os.fsencode(directory).decode(errors="backslashreplace")
        wire.call("session.create", working_dir=told, name=f"number {number}")
    shell = open_one(**{f"ODD{number}": str(directory) for number, directory in enumerate(directories)})
    for number in range(len(ODD)):
        shell.run(f'cd "$ODD{number}"')
        shell.wait_for_prompt(f"number {number} (")


def test_the_directory_is_the_physical_one(segue: Cli, open_one: Open, tmp_path: Path) -> None:
    segue.ok("new", "--name", "behind a link")
    (tmp_path / "link").symlink_to(segue.directory)
    shell = open_one()
    shell.run(f"cd '{tmp_path}/link'")
    assert shell.prompt.startswith("behind a link (")


def test_a_daemon_that_was_killed_and_started_again_is_asked_again(segued: Segued, segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "before")
    shell = open_one()
    assert shell.prompt.startswith("before (")
    segued.kill()
    for _ in range(3):
        shell.run("true")
    segued.start()
    shell.run("segue rename after")
    shell.wait_for_prompt("after (")


def test_a_daemon_that_is_stopped_is_not_waited_for_and_its_late_answer_is_not_taken_for_another(
    segued: Segued, segue: Cli, open_one: Open, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    segue.ok("new", "--name", "the first")
    segue.at(other).ok("new", "--name", "the second")
    shell = open_one(SEGUE_BUDGET="")
    shell.run("true segue")
    shell.wait_for_prompt("the first (")
    os.kill(segued.pid, signal.SIGSTOP)
    try:
        shell.run(f"cd '{other}'")
        assert shell.prompt == ""
        shell.run(f"cd '{segue.directory}'")
        for _ in range(5):
            shell.run("true segue")
        shell.run(f"cd '{other}'")
    finally:
        os.kill(segued.pid, signal.SIGCONT)
    shell.wait_for_prompt("the second (")


def test_without_a_daemon_there_is_a_prompt_and_none_is_started(unserved: Cli, open_one: Open, segued: Segued) -> None:
    shell = open_one()
    for _ in range(3):
        shell.show_prompt()
    assert shell.prompt == ""
    assert not segued.socket.exists()
    assert not segued.database.exists()


def test_a_daemon_is_found_where_it_says_that_it_is(segued: Segued, segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "by its record")
    assert open_one(SEGUE_SOCKET="").prompt.startswith("by its record (")


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


def test_zsh_shows_what_another_terminal_did(segue: Cli, segued: Segued, project: Path) -> None:
    segue.ok("new", "--name", "before")
    with open_shell("zsh", {**segued.environment, "SEGUE_NO_AUTOSTART": "1", **PATIENT}, project) as shell:
        shell.wait_for_prompt("before (0, ")
        segue.ok("rename", "after")
        shell.show_prompt()
        assert shell.prompt.startswith("after (0, ")
