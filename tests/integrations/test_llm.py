"""The plugin of llm, in the real program, with a model that echoes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import PROGRAMS, Segued
from tests.support.wire import TIMEOUT_SECONDS


class Llm:
    """The program `llm` in a directory of its own."""

    def __init__(self, served: Segued) -> None:
        self.directory = served.folder / "proj"
        self.directory.mkdir()
        self.environment = {**served.environment, "LLM_USER_PATH": str(served.folder / "llm"), "LLM_MODEL": "echo"}

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(PROGRAMS / "llm"), *arguments],
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def ok(self, *arguments: str, **environment: str) -> str:
        done = self.run(*arguments, **environment)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout


@pytest.fixture
def llm(served: Segued) -> Llm:
    return Llm(served)


def stored(served: Segued) -> list[tuple[str, str]]:
    wire = served.connect()
    sessions = wire.call("session.list")["sessions"]
    assert len(sessions) <= 1
    found: list[dict[str, Any]] = []
    for row in sessions:
        found += wire.call("message.list", session_id=row["id"])["messages"]
    return [(one["role"], one["content"]) for one in found]


def test_llm_logs_into_the_session_of_its_directory(llm: Llm, served: Segued) -> None:
    first = llm.ok("-m", "echo", "one", "--system", "Be brief.")
    second = llm.ok("-m", "echo", "two")
    assert stored(served) == [
        ("user", "one"),
        ("assistant", first.rstrip("\n")),
        ("user", "two"),
        ("assistant", second.rstrip("\n")),
    ]
    assert len(json.loads(llm.ok("logs", "list", "--json", "-n", "0"))) == 2
    [_, reply, *_] = served.connect().call("message.list")["messages"]
    assert reply["model"] == "echo"
    assert reply["metadata"]["llm"]["system"] == "Be brief."


def test_nothing_is_stored_when_llm_does_not_log(llm: Llm, served: Segued) -> None:
    llm.ok("-m", "echo", "one", "--no-log")
    llm.ok("-m", "echo", "two", SEGUE_LLM="off")
    assert stored(served) == []


def test_segue_continue_gives_the_model_the_conversation_of_the_directory(llm: Llm, served: Segued) -> None:
    wire = served.connect()
    session = wire.call("session.create", working_dir=str(llm.directory), system_prompt="Be kind.")["id"]
    for role, content in (("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2")):
        wire.call("message.append", session_id=session, role=role, content=content)
    heard = json.loads(llm.ok("segue-continue", "three", "-m", "echo"))
    assert heard["prompt"] == "three"
    assert heard["previous"] == [{"prompt": "one"}, {"prompt": "two"}]
    assert heard["system"] == "Be kind."
    assert [content for _, content in stored(served)][:5] == ["one", "1", "two", "2", "three"]
    assert len(stored(served)) == 6
    again = json.loads(llm.ok("segue-continue", "four", "--no-stream"))
    assert [one["prompt"] for one in again["previous"]] == ["one", "two", "three"]


def test_segue_continue_says_that_there_is_nothing_to_continue(llm: Llm) -> None:
    done = llm.run("segue-continue", "three", "-m", "echo")
    assert done.returncode == 1
    assert "no conversation to continue here" in done.stderr


def test_llm_works_while_no_daemon_serves(llm: Llm, served: Segued) -> None:
    served.stop()
    done = llm.run("-m", "echo", "one")
    assert done.returncode == 0
    assert json.loads(done.stdout)["prompt"] == "one"
    assert "segue: " in done.stderr


def test_tool_calls_are_stored_with_their_results(llm: Llm, served: Segued) -> None:
    prompt = json.dumps({"tool_calls": [{"name": "llm_version"}], "prompt": "which version?"})
    llm.ok("-m", "echo", "-T", "llm_version", prompt)
    [question, call, result, *_] = served.connect().call("message.list")["messages"]
    assert question["content"] == prompt
    assert call["parts"][-1]["name"] == "llm_version"
    assert (result["role"], result["parts"][0]["type"]) == ("tool", "tool_result")


def test_segue_ask_through_llm_stores_each_message_once(llm: Llm, served: Segued) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "segue", "ask", "hello", "--with", f"{PROGRAMS / 'llm'} -m echo"],
        cwd=llm.directory,
        env=llm.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [role for role, _ in stored(served)] == ["user", "assistant"]
    assert Path(llm.environment["LLM_USER_PATH"], "logs.db").exists()


def test_llm_continues_after_a_restart_of_the_daemon(llm: Llm, served: Segued) -> None:
    llm.ok("-m", "echo", "one")
    served.stop()
    served.start()
    heard = json.loads(llm.ok("segue-continue", "two"))
    assert heard["previous"] == [{"prompt": "one"}]
    assert len(stored(served)) == 4
