"""The command `segue sync hub`, in this process."""

import re

import pytest

from segue.cli.main import run
from segue.sync.transports import remote
from segue.sync.transports.remote import open_remote
from segue.sync.transports.transport import Pushed
from tests.socket.sync.transports.hubs import SECRET, batch
from tests.support.system.postgres import Cluster

URL = re.compile(r"^URL for clients: (.*)$", re.MULTILINE)


async def test_it_prints_a_url_that_works_and_a_second_run_keeps_the_password(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.sql("CREATE DATABASE command")
    assert run(["sync", "hub", cluster.url("command"), "--client", "by command"]) == 0
    first = capsys.readouterr().out
    assert "schema segue_hub installed, owner segue_hub" in first
    assert "role by command may execute its functions, and nothing else" in first
    assert "is not shown again" in first
    assert run(["sync", "hub", cluster.url("command"), "--client", "by command"]) == 0
    second = capsys.readouterr().out
    assert "schema segue_hub was there; its functions and grants are up to date" in second
    assert "role by command existed, so its password is as before" in second
    [url] = URL.findall(first)
    transport = open_remote(url, "0" * 32, SECRET)
    try:
        assert await transport.push(batch()) is Pushed.STORED
    finally:
        await transport.close()


def test_plain_tables_are_read_and_written_by_the_client(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.sql("CREATE DATABASE plain")
    assert run(["sync", "hub", cluster.url("plain"), "--plain"]) == 0
    assert "role segue_client may read and write its tables" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "code", "text"),
    [
        ("s3://bucket", 2, "'s3://bucket' is no URL of PostgreSQL; a folder or a bucket needs no preparation"),
        ("/a/folder", 2, "'/a/folder' is no URL of PostgreSQL; a folder or a bucket needs no preparation"),
        ("postgresql://[::1/x", 2, "the URL of the hub is malformed: Invalid IPv6 URL"),
        ("postgresql://me:hidden@127.0.0.1:1/x", 1, "the hub 127.0.0.1:1/x: connection failed"),
    ],
)
def test_a_url_that_cannot_be_a_hub_is_refused(
    capsys: pytest.CaptureFixture[str], url: str, code: int, text: str
) -> None:
    assert run(["sync", "hub", url]) == code
    error = capsys.readouterr().err
    assert error.startswith(f"segue: {text}")
    assert "hidden" not in error
    assert error.count("\n") == 1


def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "find_spec", lambda _: None)
    assert run(["sync", "hub", "postgresql://localhost/x"]) == 1
    assert capsys.readouterr().err == (
        "segue: a hub on PostgreSQL needs psycopg; add it with: pipx inject segue 'psycopg[binary]'\n"
    )
