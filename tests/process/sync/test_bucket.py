"""Two machines with real daemons that sync through a bucket, with the credentials that a person has."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import anyio
import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued
from tests.support.sync.hub_content import words_at
from tests.support.system.s3 import CREDENTIALS, Store, open_store

pytestmark = pytest.mark.long

NAMES = ("desk", "lap")


@pytest.fixture
def store() -> Iterator[Store]:
    """Run a store with a bucket."""
    with open_store() as store:
        store.create_bucket("hubs")
        yield store


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Segued]]:
    """Yield two machines whose daemons run, with AWS's files of credentials in their homes."""
    with ExitStack() as stack:
        found = []
        for name in NAMES:
            segued = Segued(tmp_path / name)
            (segued.folder / ".aws").mkdir(parents=True)
            lines = [f"{option.lower()} = {value}" for option, value in CREDENTIALS.items()]
            (segued.folder / ".aws" / "credentials").write_text("\n".join(["[default]", *lines]))
            segued.config.write_text("[sync]\ninterval_seconds = 1000000\n")
            stack.callback(segued.finish)
            found.append(segued.start())
        yield found


def segue(segued: Segued) -> Cli:
    return Cli(segued.environment, segued.folder)


def words(url: str, invitation: str) -> bytes:
    """Return the plain content of the bucket, with the credentials of the test."""
    with patch.dict(os.environ, CREDENTIALS):
        return anyio.run(words_at, url, invitation)


def test_two_daemons_share_a_history_through_a_bucket_and_survive_kills(machines: list[Segued], store: Store) -> None:
    desk, lap = machines
    url = f"s3://hubs/ada?endpoint=http://127.0.0.1:{store.port}"
    made = segue(desk).ok("sync", "init", url, "--name", "desk")
    session = desk.connect().call("session.create", name="shared")["id"]
    desk.connect().call("message.append", session_id=session, role="user", content="from the desk")
    segue(desk).ok("sync")
    segue(lap).ok("sync", "join", url, "--name", "lap", stdin=made.out.encode())
    said = ["from the desk"]
    for number in range(6):
        segued = machines[number % 2]
        wire = segued.connect()
        for part in range(20):
            said.append(f"text {number} {part}")
            wire.call("message.append", session_id=session, role="user", content=said[-1])
        wire.post("sync.run")
        segued.kill()
        segued.start()
    for segued in (*machines, *machines):
        assert segued.connect().call("sync.run")["problems"] == []
    texts = [_texts(segued, session) for segued in machines]
    assert texts[0] == texts[1]
    assert sorted(texts[0]) == sorted(said)
    first = desk.connect().call("message.list", session_id=session, limit=1)["messages"][0]["id"]
    assert b"from the desk" in words(url, made.out)
    desk.connect().call("message.delete", session_id=session, message_ids=[first])
    for segued in machines:
        segued.connect().call("sync.run")
    assert b"from the desk" not in words(url, made.out)
    assert "from the desk" not in _texts(lap, session)
    data = b"".join(store.objects("hubs").values())
    assert not [text for text in said if len(text) > 7 and text.encode() in data]


def _texts(segued: Segued, session: str) -> list[str]:
    page = segued.connect().call("message.list", session_id=session, limit=10_000)
    return [one["content"] for one in page["messages"]]
