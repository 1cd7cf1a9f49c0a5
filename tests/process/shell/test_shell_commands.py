"""The short functions and the completion of zsh, bash and fish, at the keyboard."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli
from tests.process.shells import Shell, open_shell
from tests.support.process import Segued

TAB = "\t"


class Opener:
    """Opens shells of one kind."""

    def __init__(self, name: str, segued: Segued, directory: Path, completions: Path, stack: ExitStack) -> None:
        self.name = name
        self._environment = {**segued.environment, "SEGUE_NO_AUTOSTART": "1", "SEGUE_BUDGET": "20"}
        self._directory = directory
        self._completions = completions
        self._stack = stack

    def __call__(self, *, before: str = "", completing: bool = False, **more: str) -> Shell:
        # After the install line, which is where most people have it: completion is found at the first prompt.
        found = f"autoload -Uz compinit; compinit -C -d '{self._completions}'\n"
        after = found if completing and self.name == "zsh" else ""
        environment = {**self._environment, **more}
        return self._stack.enter_context(
            open_shell(self.name, environment, self._directory, before=before, after=after)
        )


@pytest.fixture(params=["zsh", "bash", "fish"])
def opener(request: pytest.FixtureRequest, segued: Segued, project: Path, zsh_completions: Path) -> Iterator[Opener]:
    with ExitStack() as stack:
        yield Opener(request.param, segued, project, zsh_completions, stack)


def test_the_short_functions_are_segue(segue: Cli, opener: Opener) -> None:
    shell = opener()
    made = shell.run("snew --name 'with blanks'").strip()
    assert shell.run("slist").split("\t")[:2] == [made, "with blanks"]
    assert shell.run("srename 'another name'") == f"{made} is now another name\n"
    assert shell.prompt.startswith("another name (0, ")
    answer = shell.run("printf 'so it is' | sask --with cat 'is it?'")
    assert "so it is" in answer
    shell.wait_for_prompt("another name (2, ")
    assert shell.run(f"sresume {made[:12]} | head -n 1") == f"resumed {made} another name\n"


def test_a_session_is_picked_by_its_number(segue: Cli, opener: Opener) -> None:
    older = segue.id("--name", "the older")
    segue.ok("new", "--name", "the newer")
    shell = opener(SEGUE_PICKER="menu")
    shell.type("sresume\n")
    shell.wait_for("  2  " + older)
    shell.wait_for("number: ")
    shell.type("2\n")
    shell.wait_for("resumed " + older)
    shell.wait_for_prompt("the older (")


def test_a_number_that_is_none_resumes_nothing(segue: Cli, opener: Opener, project: Path) -> None:
    segue.ok("new", "--name", "the older")
    segue.ok("new", "--name", "the newer")
    shell = opener(SEGUE_PICKER="menu")
    for number in ("0", "3", "x", "", "01", "1;touch pwned"):
        shell.clear()
        shell.type("sresume\n")
        shell.wait_for("number: ")
        shell.type(f"{number}\n")
        shell.wait_for("segue: nothing resumed")
        assert shell.prompt.startswith("the newer (")
    assert not (project / "pwned").exists()


def test_a_session_is_picked_with_fzf(segue: Cli, opener: Opener) -> None:
    segue.ok("new", "--name", "the older $(touch pwned)")
    segue.ok("new", "--name", "the newer")
    shell = opener(FZF_DEFAULT_OPTS="--no-mouse")
    shell.type("sresume\n")
    shell.wait_for("resume>")
    # The preview, the age, and the directory with ~.
    shell.wait_for("directory ")
    assert re.search(r"\d+s +0 msgs +~/project", shell.screen)
    shell.type("older")
    shell.wait_for("1/2")
    shell.type("\r")
    shell.wait_for("resumed ")
    shell.wait_for_prompt("the older ")


def test_nothing_is_resumed_where_there_is_nothing(segue: Cli, opener: Opener) -> None:
    assert "no sessions yet" in opener().run("sresume")


def test_the_prefix_is_the_users(segue: Cli, opener: Opener) -> None:
    made = segue.id()
    shell = opener(SEGUE_PREFIX="my.seg-")
    assert shell.run("my.seg-list").startswith(made)
    assert "slist" in shell.run("type slist")  # every shell says that there is none


@pytest.mark.parametrize("prefix", ["1x", "a;touch pwned;", "$(touch pwned)", "a b", "-x", "é"])
def test_an_impossible_prefix_is_reported(segue: Cli, opener: Opener, project: Path, prefix: str) -> None:
    made = segue.id()
    shell = opener(SEGUE_PREFIX=prefix)
    shell.wait_for("SEGUE_PREFIX")
    assert shell.run("slist").startswith(made)
    assert not (project / "pwned").exists()


def test_an_empty_prefix_means_no_short_functions(segue: Cli, opener: Opener) -> None:
    shell = opener(before="set -gx SEGUE_PREFIX ''\n" if opener.name == "fish" else "SEGUE_PREFIX=\n")
    shell.type("echo begin; resume; list; slist\n")
    shell.show_prompt()
    assert segue.ok("list").out == ""
    assert shell.prompt == ""
    assert "no sessions yet" not in shell.screen


def test_commands_options_and_their_values_are_completed(segue: Cli, opener: Opener) -> None:
    shell = opener(completing=True)
    assert shell.arguments(f"segue renam{TAB}") == ["rename"]
    assert shell.arguments(f"segue list --stat{TAB}com{TAB}") == ["list", "--status", "completed"]
    assert shell.arguments(f"segue memory del{TAB}") == ["memory", "delete"]
    assert shell.arguments(f"slist --her{TAB}") == ["list", "--here"]


def test_an_id_is_completed_from_its_beginning(segue: Cli, opener: Opener) -> None:
    odd = "beta-$(touch`x`)'\"&;"
    for id in ("alpha-1", odd):
        segue.ok("rpc", "session.create", f"id={id}")
    shell = opener(completing=True)
    assert shell.arguments(f"segue show al{TAB}") == ["show", "alpha-1"]
    assert shell.arguments(f"sresume al{TAB}") == ["resume", "alpha-1"]
    assert shell.arguments(f"segue add --session al{TAB}") == ["add", "--session", "alpha-1"]
    assert shell.arguments(f"segue search x --session=al{TAB}") == ["search", "x", "--session=alpha-1"]
    assert shell.arguments(f"segue delete --yes be{TAB}") == ["delete", "--yes", odd]


def test_methods_and_memories_are_completed(segue: Cli, opener: Opener) -> None:
    for number in range(12):
        segue.ok("memory", "add", f"fact {number}")
    shell = opener(completing=True)
    assert shell.arguments(f"segue rpc session.comp{TAB}") == ["rpc", "session.complete"]
    assert shell.arguments(f"segue memory delete 12{TAB}") == ["memory", "delete", "12"]
    assert shell.arguments(f"segue memory add x --supersedes 9{TAB}") == ["memory", "add", "x", "--supersedes", "9"]


SEARCH_KEYS = {"zsh": "^G", "bash": "\\C-g", "fish": "\x07"}


def test_a_key_searches_the_contents_if_it_is_asked_for(segue: Cli, opener: Opener) -> None:
    session = segue.ok("add", "where is the zebra").rows[0][1]
    segue.ok("new", "--name", "another")
    segue.ok("add", "somewhere else")
    shell = opener(SEGUE_SEARCH_KEY=SEARCH_KEYS[opener.name])
    shell.type("zbra\x07")
    shell.wait_for("1/2")
    shell.type("\r")
    shell.clear()
    shell.wait_for(f"segue resume {session}")
    shell.type("\n")
    shell.wait_for(f"resumed {session}")


@pytest.mark.parametrize(("typed", "shown"), [("segue resume ", "how to sort"), ("segue re", "Rename a session")])
def test_what_there_is_to_choose_from_is_described(segue: Cli, opener: Opener, typed: str, shown: str) -> None:
    for name in ("how to sort", "how to match"):
        segue.ok("new", "--name", name)
    shell = opener(completing=True)
    # The first completes what all have in common, the second may ring the bell, the third shows what there is.
    for keys in (typed, TAB, TAB, TAB):
        shell.type(keys)
    shell.wait_for(shown)


def test_completion_without_a_daemon_offers_no_ids_and_says_nothing(unserved: Cli, opener: Opener) -> None:
    shell = opener(completing=True)
    shell.clear()
    assert shell.arguments(f"segue show x{TAB}{TAB}y") == ["show", "xy"]
    assert "segue:" not in shell.screen
    assert shell.arguments(f"segue renam{TAB}") == ["rename"]


def test_the_program_and_the_places_named_are_used_whatever_they_are_called(
    segued: Segued, project: Path, opener: Opener, tmp_path: Path
) -> None:
    segued.socket = tmp_path / 'run\'s $(touch pwned) "dir"\\n' / "s.sock"
    segued.start()
    programs = tmp_path / "bin's $(touch pwned)"
    programs.mkdir()
    (programs / "segue").symlink_to(SEGUE)
    install = f'"$PROGRAMS/segue" --socket "$PLACE" init {opener.name}'
    line = f"{install} | source\n" if opener.name == "fish" else f'eval "$({install})"\n'
    shell = opener(PROGRAMS=str(programs), PLACE=str(segued.socket), SEGUE_SOCKET="", before=line)
    assert shell.run(line.strip()) == ""
    made = shell.run("snew --name found").strip()
    assert made
    assert shell.prompt.startswith("found (")
    assert not (project / "pwned").exists()
    assert [*project.iterdir()] == []
