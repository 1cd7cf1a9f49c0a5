import json
import os
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued


@pytest.mark.parametrize(("text", "piped"), [("", b""), (" \n", b""), ("-", b""), ("-", b"\n")])
def test_an_empty_message_is_wrong_usage_and_makes_no_session(segue: Cli, text: str, piped: bytes) -> None:
    outcome = segue.run("add", text, stdin=piped)
    assert (outcome.code, outcome.out) == (2, "")
    assert "empty" in outcome.err
    assert segue.ok("list").out == ""


def test_a_message_goes_to_the_session_that_the_directory_continues(segue: Cli, segued: Segued) -> None:
    [[first, session]] = segue.ok("add", "hello").rows
    [[second, same]] = segue.ok("add", "hi", "--role", "assistant").rows
    assert same == session
    stored = segued.connect().call("message.list", session_id=session)["messages"]
    assert [(str(found["id"]), found["role"], found["content"]) for found in stored] == [
        (first, "user", "hello"),
        (second, "assistant", "hi"),
    ]


def test_everything_known_of_a_message_is_stored_with_it(segue: Cli, segued: Segued) -> None:
    id = segue.id()
    segue.ok("new")
    options = f"--role system --session {id} --model m --key k --tokens 1 --input-tokens 2 --output-tokens 3"
    added = segue.ok(*f"add text {options} --response-ms 4 --stop-reason end --summary --json".split()).json
    stored = segued.connect().call("message.get", message_id=added["message_id"])
    known = {"role": "system", "session_id": id, "model": "m", "key": "k", "token_count": 1, "input_tokens": 2}
    known |= {"output_tokens": 3, "response_ms": 4, "stop_reason": "end", "is_summary": True, "content": "text"}
    assert stored | known == stored


def test_the_same_key_stores_nothing_again_and_a_wrong_last_id_stores_nothing_at_all(segue: Cli) -> None:
    once = segue.ok("add", "hello", "--key", "k")
    assert segue.ok("add", "hello", "--key", "k") == once
    assert segue.run("add", "other", "--key", "k").code == 1
    assert segue.run("add", "x", "--expect-last", "0").code == 1
    assert segue.ok("current").rows[0][4] == "1"


def test_standard_input_is_kept_to_the_last_byte(segue: Cli, segued: Segued) -> None:
    text = "\ufeffa\r\n\x00\x1b[31m\n\n 漢字" + "x" * 300_000 + "\n"
    added = segue.ok("add", "-", "--json", stdin=text.encode()).json
    assert segued.connect().call("message.get", message_id=added["message_id"])["content"] == text


def test_standard_input_that_is_not_utf_8_gets_replacement_characters(segue: Cli, segued: Segued) -> None:
    added = segue.ok("add", "-", "--json", stdin=b"caf\xe9").json
    assert segued.connect().call("message.get", message_id=added["message_id"])["content"] == "caf\ufffd"


def test_standard_input_that_is_too_long_stores_nothing(segue: Cli, segued: Segued) -> None:
    segued.config.write_text("[limits]\ncontent_bytes = 10\n")
    assert segue.run("add", "-", stdin=b"x" * 11).code == 1
    assert segue.ok("list").out == ""
    segue.ok("add", "-", stdin=b"x" * 10)


def test_a_conversation_is_shown_whole_however_many_pages_it_has(segue: Cli, segued: Segued) -> None:
    id = segue.id()
    many = [{"role": "user", "content": f"message {number}"} for number in range(1000)]
    wire = segued.connect()
    for _ in range(2):
        wire.call("message.append_many", session_id=id, messages=many)
    segue.ok("add", "the last")
    shown = segue.ok("show").out
    assert [line for line in shown.splitlines()[1:] if line.startswith("message")] == [
        found["content"] for found in many + many
    ]
    assert shown.endswith("\nthe last\n")
    pages = [json.loads(line) for line in segue.ok("show", id, "--json").out.splitlines()]
    assert [(len(page["messages"]), page["has_more"]) for page in pages] == [(1000, True), (1000, True), (1, False)]


def test_summaries_tools_and_parts_are_marked(segue: Cli, segued: Segued) -> None:
    id = segue.id()
    wire = segued.connect()
    wire.call("message.append", session_id=id, role="system", content="short", is_summary=True)
    wire.call("message.append", session_id=id, role="tool", content="42", parts=[{"type": "tool_result"}, {}])
    heads = [line.split(" ") for line in segue.ok("show").out.splitlines() if line.startswith("#")]
    assert [[head[1], *head[3:]] for head in heads] == [["system", "[summary]"], ["tool", "[part]"]]


def test_a_pipe_gets_a_message_as_it_is(segue: Cli) -> None:
    hostile = "\x1b[31mred\x1b]0;title\x07 [bold]x[/bold]"
    segue.ok("add", hostile)
    assert segue.ok("show").out.endswith(f"\n{hostile}\n")


def test_a_directory_whose_name_is_not_utf_8_is_written_by_its_bytes(segue: Cli, tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"stra\xff\tnge")
    strange.mkdir()
    there = segue.at(strange)
    id = there.id()
    assert there.ok("current").rows[0][:4] == [id, "", "", f"{tmp_path}/stra\\xff\\x09nge"]
    assert there.ok("current", "--json").json["session"]["working_dir"] == f"{tmp_path}/stra\\xff\tnge"


def test_the_directory_is_the_physical_one(segue: Cli, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(segue.directory)
    assert segue.at(tmp_path / "link").given(PWD=str(tmp_path / "link")).id()
    assert segue.ok("list").rows[0][3] == str(segue.directory)


def test_a_removed_directory_is_reported_and_prevents_nothing_else(segue: Cli, tmp_path: Path) -> None:
    segue.id()
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && segue add hello; echo $?; segue list | wc -l; segue list --here; echo $?"
    outcome = segue.at(tmp_path).shell(script)
    assert outcome.out.split() == ["1", "1", "1"]
    assert outcome.err.count("segue: ") == 2
    assert not gone.exists()


def test_any_method_can_be_called_with_parameters_as_json_or_as_pairs(segue: Cli, segued: Segued) -> None:
    made = segue.ok("rpc", "session.create", "id=s", "name=a = b", "pinned=true", 'metadata={"a": [1.0]}').json
    assert (made["id"], made["name"], made["pinned"], made["metadata"]) == ("s", "a = b", True, {"a": [1.0]})
    assert segue.ok("rpc", "message.count", '["s"]').json == {"count": 0}
    assert segue.ok("rpc", "session.get", ' {"session_id":\n"s"}').json == made
    assert segue.ok("rpc", "session.get", "-", stdin=b'{"session_id": "s"}').json == made
    assert segue.ok("rpc", "daemon.ping").json == "pong"


def test_an_error_of_any_method_is_json_on_stderr(segue: Cli) -> None:
    outcome = segue.run("rpc", "session.get", "session_id=unknown")
    assert (outcome.code, outcome.out) == (1, "")
    error = json.loads(outcome.err)
    assert (error["code"], error["data"]) == (-32002, {"kind": "not_found", "what": "session", "id": "unknown"})
    assert json.loads(segue.run("rpc", "no.such").err)["code"] == -32601
