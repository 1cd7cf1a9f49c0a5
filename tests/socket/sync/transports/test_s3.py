"""What a hub in a bucket adds to the contract: stores that cannot be one, credentials, errors."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

import pytest

from segue.sync.transports.remote import open_remote
from segue.sync.transports.s3.address import parse
from segue.sync.transports.transport import Pushed, Transport, TransportError
from tests.socket.sync.transports.hubs import MACHINE, OTHER, SECRET, S3Hub, batch
from tests.support.system.s3 import CREDENTIALS, Store

Answer = Callable[[int, str], int]


@pytest.fixture
def answering() -> Iterator[Answer]:
    """Return a function that starts a store with one answer for everything, and returns its port."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(status: int, body: str) -> int:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_GET = do_PUT = do_HEAD = answer  # noqa: N815 - http.server names the methods

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server.server_port

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def opened(url: str) -> Transport:
    with patch.dict(os.environ, CREDENTIALS):
        return open_remote(url, "0" * 32, SECRET)


async def refusal(transport: Transport) -> TransportError:
    with pytest.raises(TransportError) as refused:
        await transport.push(batch())
    return refused.value


@pytest.mark.parametrize("header", [b"if-none-match", b"if-match"])
async def test_a_store_that_ignores_a_condition_is_refused(s3_hub: S3Hub, header: bytes) -> None:
    s3_hub.proxy.requests.rewrite = lambda data: data.replace(b"\n" + header + b":", b"\n" + b"x" * len(header) + b":")
    error = await refusal(s3_hub.open())
    assert not error.retry
    assert "ignores If-None-Match or If-Match" in str(error)
    s3_hub.proxy.requests.rewrite = bytes


async def test_a_bucket_that_keeps_old_versions_is_refused(store: Store) -> None:
    store.create_bucket("versioned", versioned=True)
    error = await refusal(opened(f"s3://versioned?endpoint=http://127.0.0.1:{store.port}"))
    assert not error.retry
    assert "turn versioning off" in str(error)


async def test_a_bucket_that_is_turned_to_keep_old_versions_is_refused_later(store: Store) -> None:
    store.create_bucket("turned")
    transport = opened(f"s3://turned?endpoint=http://127.0.0.1:{store.port}")
    old = batch()
    assert await transport.push(old) is Pushed.STORED
    store.keep_versions("turned")
    with pytest.raises(TransportError, match="turn versioning off"):
        await transport.replace(batch(), old.token)


async def test_objects_of_other_programs_are_passed_over(s3_hub: S3Hub, store: Store) -> None:
    transport = s3_hub.open()
    await transport.push(batch())
    folder = f"hubs/some/folder/{s3_hub.account}/batches"
    for name in ("junk", f"{MACHINE}/junk", f"{MACHINE}/9", f"{MACHINE}/{'9' * 21}", "folder/1", f"{OTHER}/junk"):
        store.request("PUT", f"{folder}/{name}", b"x")
    assert await transport.heads() == {MACHINE: 1}
    assert [one.number async for one in s3_hub.open().pull(MACHINE, 0)] == [1]


async def test_a_look_costs_a_request_and_one_more_for_each_machine(s3_hub: S3Hub) -> None:
    writer, reader = s3_hub.open(), s3_hub.open()
    await writer.push(batch())
    await writer.push(batch(machine=OTHER))
    assert len(await reader.heads()) == 2
    requests: list[bytes] = []

    def count(data: bytes) -> bytes:
        requests.extend(part for part in (b"GET /", b"PUT /", b"HEAD /") if data.startswith(part))
        return data

    s3_hub.proxy.requests.rewrite = count
    await reader.heads()
    assert requests == [b"GET /"] * 3
    requests.clear()
    assert await reader.get(MACHINE, 1)
    assert requests == [b"GET /"]


async def test_a_bucket_that_does_not_exist_is_not_retried(store: Store) -> None:
    transport = opened(f"s3://no-such-bucket?endpoint=http://127.0.0.1:{store.port}")
    for call in (transport.push(batch()), transport.heads(), transport.get(MACHINE, 1), transport.now()):
        with pytest.raises(TransportError, match="does not exist; create it") as refused:
            await call
        assert not refused.value.retry


async def test_heads_follow_a_bucket_that_was_put_back(s3_hub: S3Hub, store: Store) -> None:
    transport = s3_hub.open()
    for number in (1, 2, 3):
        await transport.push(batch(number))
    assert await transport.heads() == {MACHINE: 3}
    for name in store.objects("hubs"):
        if s3_hub.account in name and name.endswith(("2", "3")):
            store.request("DELETE", f"hubs/{name}")
    assert await transport.heads() == {MACHINE: 1}
    assert await transport.push(batch(4)) is Pushed.GAP


@pytest.mark.parametrize(
    ("status", "code", "retry", "text"),
    [
        (403, "InvalidAccessKeyId", False, "refuses the credentials: the reason (InvalidAccessKeyId)"),
        (403, "AccessDenied", False, "refuses the credentials: the reason (AccessDenied)"),
        (400, "InvalidRequest", False, "the reason (InvalidRequest)"),
        (429, "TooManyRequests", True, "the reason (TooManyRequests)"),
        (500, "InternalError", True, "the reason (InternalError)"),
        (503, "SlowDown", True, "the reason (SlowDown)"),
    ],
)
async def test_an_answer_of_the_store_tells_if_a_retry_can_succeed(
    answering: Answer, status: int, code: str, retry: bool, text: str
) -> None:
    port = answering(status, f"<Error><Code>{code}</Code><Message>the reason.</Message></Error>")
    error = await refusal(opened(f"s3://bucket?endpoint=http://127.0.0.1:{port}"))
    assert (error.retry, str(error).endswith(text)) == (retry, True), error


async def test_a_proxy_that_is_no_store_is_named_in_one_line(answering: Answer) -> None:
    port = answering(502, "<html>\n<h1>Bad gateway</h1>\n</html>")
    error = await refusal(opened(f"s3://bucket?endpoint=http://127.0.0.1:{port}"))
    assert error.retry
    assert "502 Bad Gateway" in str(error)
    assert "\n" not in str(error)


async def test_missing_credentials_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answering: Answer
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{answering(403, 'forbidden')}")
    error = await refusal(open_remote("s3://bucket?endpoint=http://127.0.0.1:1", "0" * 32, SECRET))
    assert "there are no credentials; put them into ~/.aws/credentials" in str(error)


async def test_a_store_that_does_not_listen_is_retried() -> None:
    error = await refusal(opened("s3://bucket?endpoint=http://127.0.0.1:1"))
    assert error.retry
    assert "Connection refused" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("s3://", "names no bucket"),
        ("s3:///folder", "names no bucket"),
        ("s3://key:secret@bucket", "has credentials; put them into"),
        ("s3://bucket?colour=red", "unknown option 'colour'"),
        ("s3://bucket?endpoint=minio.example:9000", "begins with https://"),
        ("s3://bucket?profile=nobody-has-this", "there is no profile 'nobody-has-this'"),
    ],
)
def test_a_malformed_url_is_refused(url: str, text: str) -> None:
    with pytest.raises(TransportError, match=text) as refused:
        open_remote(url, "0" * 32, SECRET)
    assert not refused.value.retry


def test_credentials_come_from_the_environment_or_from_the_files_of_aws(tmp_path: Path) -> None:
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = A\naws_secret_access_key = B%\n"
        "[work]\naws_access_key_id=C\naws_secret_access_key=D\naws_session_token=E\n"
    )
    (folder / "config").write_text("[default]\nregion = eu-1\noutput = json\n[profile work]\nregion = eu-2\n")
    home = {"HOME": str(tmp_path)}
    default = {"access_key_id": "A", "secret_access_key": "B%", "region": "eu-1"}
    work = {"access_key_id": "C", "secret_access_key": "D", "session_token": "E", "region": "eu-2"}
    assert parse("s3://b", home).settings == default
    assert parse("s3://b?profile=work", home).settings == work
    assert parse("s3://b", {**home, "AWS_PROFILE": "work"}).settings == work
    assert parse("s3://b?region=here", {**home, **CREDENTIALS}).settings == {"region": "here"}
    assert parse("s3://b/a/b/?endpoint=http://h", home)[:3] == ("b", "a/b", "http://h")
    (folder / "credentials").write_text("no section")
    with pytest.raises(TransportError, match="cannot be read"):
        parse("s3://b", home)
