"""`segue ask` with `llm` as people have it; its echo model answers with what it was given, and needs no network."""

import json
import sys
from pathlib import Path

import pytest

from tests.process.asking import messages
from tests.process.command_line import Cli
from tests.support.process import Segued

LLM = Path(sys.executable).parent / "llm"


@pytest.fixture
def llm(segue: Cli, tmp_path: Path) -> Cli:
    """Return `segue` with `llm` as its model."""
    home = tmp_path / "llm"
    home.mkdir()
    return segue.given(LLM_USER_PATH=str(home), SEGUE_ASK=f"{LLM} -m echo")


def test_llm_is_given_the_conversation_and_its_answer_is_kept(llm: Cli, segued: Segued) -> None:
    llm.id("--system", "Be brief.")
    first = llm.ok("ask", "one").out
    assert json.loads(first)["prompt"] == "System:\nBe brief.\n\nUser:\none\n"
    second = llm.ok("ask", "two", stdin=b"piped").out
    heard = json.loads(second)["prompt"]
    assert heard == f"System:\nBe brief.\n\nUser:\none\n\nAssistant:\n{first.rstrip()}\n\nUser:\ntwo\n\npiped\n"
    assert [(one["role"], one["content"]) for one in messages(segued)] == [
        ("user", "one"),
        ("assistant", first.rstrip("\n")),
        ("user", "two\n\npiped"),
        ("assistant", second.rstrip("\n")),
    ]


def test_llm_streams_to_a_terminal(llm: Cli, segued: Segued) -> None:
    screen = llm.shown("ask", "hello")
    assert json.loads(screen)["prompt"] == "User:\nhello\n"
    assert messages(segued)[-1]["content"] == screen.rstrip("\n")


def test_a_model_that_llm_does_not_know_is_its_error(llm: Cli, segued: Segued) -> None:
    outcome = llm.run("ask", "hello", "--with", f"{LLM} -m no-such-model")
    assert outcome.code == 1
    assert "no-such-model" in outcome.err
    assert [one["role"] for one in messages(segued)] == ["user"]
