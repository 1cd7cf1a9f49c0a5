"""What segue is for: two terminals in one directory build one conversation, one by the socket, one by the command."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued
from tests.support.system.netcat import netcat

STAND_IN = Path(__file__).parents[2] / "support" / "system" / "netcat.py"


def say(role: str, content: str) -> str:
    """Return a shell's words for an append to its directory."""
    params = f'"working_dir":"%s","role":"{role}","content":"{content}"'
    return f'printf \'{{"jsonrpc":"2.0","id":1,"method":"message.append","params":{{{params}}}}}\' "$PWD"'


def test_a_shell_on_the_socket_and_the_command_build_one_conversation(segued: Segued, segue: Cli) -> None:
    asked = segue.shell(f"{say('user', 'How do I sort a dict by value?')} | {netcat()} {segued.socket}")
    first = json.loads(asked.out)["result"]
    assert (first["duplicate"], first["resumed"]) == (False, False)
    assert segue.ok("add", "--role", "assistant", "sorted(d, key=d.get)").rows == [["2", first["session_id"]]]
    again = json.loads(segue.shell(f"{say('user', 'And by key?')} | {netcat()} {segued.socket}").out)["result"]
    assert (again["session_id"], again["resumed"]) == (first["session_id"], True)

    [row] = segue.ok("list").rows
    name = f"How do I sort a dict by value? - {first['created_at'][:10]}_{first['created_at'][11:16].replace(':', '-')}"
    assert (row[0], row[1], row[3], row[4], row[-1]) == (first["session_id"], name, str(segue.directory), "3", "*")
    page = segue.ok("show", "--json").json
    spoken = [(message["role"], message["content"]) for message in page["messages"]]
    assert spoken == [
        ("user", "How do I sort a dict by value?"),
        ("assistant", "sorted(d, key=d.get)"),
        ("user", "And by key?"),
    ]
    shown = segue.ok("show").out
    assert all(content in shown for _, content in spoken)


def test_many_concurrent_terminals_build_one_conversation(segued: Segued, segue: Cli) -> None:
    with ThreadPoolExecutor(8) as terminals:
        by_command = terminals.map(lambda index: segue.ok("add", f"command {index}").rows[0][1], range(8))
        by_socket = terminals.map(
            lambda index: json.loads(segue.shell(f"{say('user', f'shell {index}')} | {netcat()} {segued.socket}").out),
            range(8),
        )
        sessions = {*by_command, *(answer["result"]["session_id"] for answer in by_socket)}
    assert len(sessions) == 1
    assert segued.connect().call("message.count", session_id=sessions.pop()) == {"count": 16}


@pytest.mark.parametrize("end", ["", "\\n", "\\r\\n"])
def test_the_stand_in_for_netcat_is_answered_like_netcat(segued: Segued, segue: Cli, end: str) -> None:
    line = '{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}'
    answers = [
        segue.shell(f"printf '{line}{end}' | {command} {segued.socket}").out
        for command in (netcat(), f"{sys.executable} {STAND_IN}")
    ]
    assert answers == ['{"jsonrpc":"2.0","result":"pong","id":1}\n'] * 2
