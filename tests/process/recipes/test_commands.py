"""The recipes for other commands: aider, Ollama, starship, an agent in the shell, a chat client for Node."""

import subprocess
import tomllib
from collections.abc import Callable

from tests.process.asking import messages
from tests.process.command_line import Cli
from tests.process.docs.blocks import PAGES, blocks, programs
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS

RECIPES = programs("recipes")

AIDER = """
[ "$1" = --read ] && cp "$2" memories && shift 2
printf '\\n# aider chat started at 2026-11-28 12:52:49\\n\\n#### %s  \\n\\nDone.\\n' "$2" >>.aider.chat.history.md
"""
"""What aider 0.86 does with `--read FILE --message TEXT`, as far as segue sees it."""

MODEL = """
case $(cat) in *"It printed:"*) echo "2 files" ;; *) echo "RUN: echo one two | wc -w" ;; esac
"""


def shell(cli: Cli, script: str, stdin: str = "") -> str:
    command = ["/bin/sh", "-c", script, "agent.sh", "How", "many?"]
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cli.directory,
        env=cli.environment,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_aider_reads_the_memories_and_is_imported_when_it_ends(
    with_program: Callable[[str, str], Cli], segued: Segued
) -> None:
    segue = with_program("aider", AIDER)
    segue = segue.given(HOME=str(segue.directory), XDG_STATE_HOME=str(segued.folder / "state"))
    segue.ok("memory", "add", "Prefers tabs")
    shell(segue, f"{RECIPES['aider'].text}\naider --message 'Rename it'")
    assert "Prefers tabs" in (segue.directory / "memories").read_text()
    [session] = segued.connect().call("session.list")["sessions"]
    assert (session["source"]["tool"], session["preview"]) == ("aider", "Rename it")


def test_ollama_gets_the_conversation(with_program: Callable[[str, str], Cli], segued: Segued) -> None:
    segue = with_program("ollama", 'echo "$*"; grep sky')
    assert shell(segue, RECIPES["ollama"].text) == "run llama3.2\nWhy is the sky blue?\n"
    assert [one["role"] for one in messages(segued)] == ["user", "assistant"]


def test_starship_runs_a_command_that_prints_the_session(segue: Cli) -> None:
    segue.ok("new", "--name", "the session")
    module = tomllib.loads(RECIPES["starship"].text)["custom"]["segue"]
    assert module.pop("when") is True
    assert shell(segue.given(SEGUE_BUDGET="20"), module.pop("command")).startswith("the session (0, ")
    assert not module


def test_the_agent_in_the_shell_runs_commands_that_a_person_allows(
    with_program: Callable[[str, str], Cli], segued: Segued
) -> None:
    segue = with_program("model", MODEL).given(MODEL="model")
    assert shell(segue, RECIPES["agent"].text, "n\n") == "echo one two | wc -w [y/N] "
    assert shell(segue, RECIPES["agent"].text, "y\n") == "echo one two | wc -w [y/N] 2 files\n"
    assert len(segue.ok("list").rows) == 1
    assert [one["content"] for one in messages(segued)] == [
        "How many?",
        "RUN: echo one two | wc -w",
        "How many?",
        "RUN: echo one two | wc -w",
        "It printed:\n\n2\n",
        "2 files",
    ]


def test_the_chat_client_for_node_keeps_the_conversation(segue: Cli, segued: Segued) -> None:
    (segue.directory / "chat.mjs").write_text(RECIPES["node"].text)
    shell(segue, blocks(PAGES["javascript"].read_text(), "sh")[0])
    chat = segue.given(MODEL="grep -c '^user:'")
    assert shell(chat, "node chat.mjs", "one\ntwo\n") == "1\n2\n"
    assert [one["content"] for one in messages(segued)] == ["one", "1", "two", "2"]
