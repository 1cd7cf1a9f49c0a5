"""The JavaScript client, run by the Node.js of the machine against the real daemon."""

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segue.client.retry import READS
from segue.manual import topic_path
from tests.process.docs.blocks import blocks
from tests.process.docs.typescript import TARGET, declarations
from tests.support.process import Segued
from tests.support.system.users import AM_ROOT, NOBODY
from tests.support.wire import TIMEOUT_SECONDS

MODULE = TARGET.with_name("segue.mjs")
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="this machine has no Node.js")


def run(segued: Segued, script: str, **environment: str) -> Any:
    """Run a script with the module's exports and return the JSON value that it prints."""
    source = f'import * as segue from "{MODULE}";\nconst {{ connect }} = segue;\n{script}'
    done = subprocess.run(
        [NODE or "node", "--input-type=module", "-e", source],
        env={**segued.environment, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_types_are_those_of_the_discovery_document() -> None:
    assert TARGET.read_text(encoding="utf-8") == declarations()
    # TypeScript looks for segue.d.mts beside segue.mjs, and takes segue.js there for segue.d.ts.
    assert MODULE.with_name("segue.d.mts").read_text(encoding="utf-8").endswith('export * from "./segue.js";\n')


def test_calls_errors_and_batches(segued: Segued) -> None:
    segued.start()
    found = run(
        segued,
        """
const client = await connect();
const session = await client.call("session.create", { id: "s", name: "caf\\u00e9 \\ud800" });
const many = await Promise.all(Array.from({ length: 50 }, (_, i) =>
  client.call("message.append", { session_id: "s", role: "user", content: `${i}`.repeat(1000) })));
const error = await client.call("session.get", { session_id: "x" }).catch((error) => error);
const nan = await client.call("session.create", { metadata: { x: NaN } }).catch((error) => error.name);
const batch = await client.batch([
  { method: "daemon.ping" }, { method: "session.get", params: { session_id: "x" } },
  { method: "message.count", params: { session_id: "s" } }]);
client.close();
const closed = await client.call("daemon.ping").catch((error) => error.message);
console.log(JSON.stringify({
  name: session.name, ids: many.length, kind: error.kind, code: error.code, data: error.data, nan, closed,
  batch: batch.map(({ result, error }) => error?.kind ?? result) }));
""",
    )
    assert found == {
        "name": "café \ufffd",
        "ids": 50,
        "kind": "not_found",
        "code": -32002,
        "data": {"kind": "not_found", "what": "session", "id": "x"},
        "nan": "TypeError",
        "closed": "this client is closed",
        "batch": ["pong", "not_found", {"count": 50}],
    }


def test_events_are_received_and_bounded(segued: Segued) -> None:
    segued.start()
    found = run(
        segued,
        """
const client = await connect();
const events = client.events({ kinds: ["session.created"] });
const first = events.next();
await new Promise((resolve) => setTimeout(resolve, 200));
await client.call("session.create", { id: "first" });
const received = [(await first).value.session_id];
for (let i = 0; i < 1005; i++) await client.call("session.create", { id: `s${i}` });
for (let i = 0; i < 3; i++) received.push((await events.next()).value.kind);
await events.return();
client.close();
console.log(JSON.stringify(received));
""",
    )
    assert found == ["first", "reset", "session.created", "session.created"]


RESTART = """
import { createInterface } from "node:readline";
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const client = await connect();
const events = client.events({ kinds: ["session.created"] });
const next = events.next();
await client.call("session.create", { id: "a" });
const before = (await next).value.session_id;
const after = events.next();
console.error("ready");
await lines.next();
const read = await client.call("session.get", { session_id: "a" });
const keyed = await client.call("message.append", { session_id: "a", role: "user", content: "x", key: "k" });
const kind = (await after).value.kind;
client.close();
console.log(JSON.stringify([before, read.id, keyed.duplicate, kind]));
process.exit(0);
"""


def test_a_client_reconnects_after_a_restart(segued: Segued, tmp_path: Path) -> None:
    segued.start()
    script = tmp_path / "script.mjs"
    script.write_text(f'import {{ connect }} from "{MODULE}";\n{RESTART}')
    with subprocess.Popen(
        [NODE or "node", str(script)],
        env=segued.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        segued.stop()
        segued.start()
        out, err = process.communicate("go\n", timeout=TIMEOUT_SECONDS)
    assert (json.loads(out), err) == (["a", "a", False, "reset"], "")


@pytest.fixture
def listener(segued: Segued) -> Iterator[socket.socket]:
    """Listen at the socket of a daemon that does not run; a test sees whether a client connected."""
    segued.socket.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(segued.socket))
        segued.socket.chmod(0o600)
        listener.listen()
        listener.settimeout(0)
        yield listener
    segued.socket.unlink()


REFUSAL = "await connect().then(() => null, (error) => error.message)"
OTHER_USER = "process.getuid = () => process.geteuid() + 1;"
"""Let the module take itself for another user, because only root can make a file of another user."""


def test_a_socket_that_others_can_open_is_refused(segued: Segued, listener: socket.socket) -> None:
    modes = [0o600 | 1 << bit for bit in range(6)]
    refused = run(
        segued,
        f"""
import {{ chmodSync }} from "node:fs";
const refused = [];
for (const mode of {modes}) {{
  chmodSync("{segued.socket}", mode);
  refused.push({REFUSAL});
}}
console.log(JSON.stringify(refused));
""",
    )
    assert refused == [f"others can open {segued.socket} (mode {mode:o})" for mode in modes]
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_socket_of_another_user_is_refused(segued: Segued, listener: socket.socket) -> None:
    if AM_ROOT:
        os.chown(segued.socket, NOBODY, NOBODY)
    refused = run(segued, f"{'' if AM_ROOT else OTHER_USER} console.log(JSON.stringify({REFUSAL}));")
    assert refused == f"{segued.socket} belongs to user {NOBODY if AM_ROOT else os.getuid()}"
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_link_to_a_socket_is_refused(segued: Segued, listener: socket.socket) -> None:
    link = segued.socket.with_name("link")
    link.symlink_to(segued.socket)
    refused = run(segued, f"console.log(JSON.stringify({REFUSAL}));", SEGUE_SOCKET=str(link))
    assert refused == f"{link} is not a socket"
    link.unlink()
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_the_client_repeats_the_same_requests_as_that_of_python() -> None:
    text = MODULE.read_text(encoding="utf-8")
    [listed] = re.findall(r"READS = new Set\(\[(.*?)\]\)", text, re.DOTALL)
    assert set(re.findall(r'"(.+?)"', listed)) == READS


def test_without_a_daemon_the_error_says_how_to_start_one(segued: Segued) -> None:
    found = run(segued, "console.log(JSON.stringify(await connect().catch((error) => error.message)));")
    assert found == f"no daemon at {segued.socket} (ENOENT); start one with: segue start"


def test_the_daemon_is_found_by_its_record(segued: Segued) -> None:
    segued.start()
    found = run(segued, "console.log(JSON.stringify(segue.findSocket()));", SEGUE_SOCKET="")
    assert found == str(segued.socket)


def test_the_examples_of_the_manual_run(segued: Segued, tmp_path: Path) -> None:
    segued.start()
    shutil.copy(MODULE, tmp_path)
    printed = []
    for number, block in enumerate(blocks(topic_path("javascript").read_text(encoding="utf-8"), "js")):
        script = tmp_path / f"{number}.mjs"
        script.write_text(block)
        done = subprocess.run(
            [NODE or "node", str(script)],
            env=segued.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
        printed.append(done.stdout)
    assert printed == ["Hello\n", "complete Use Object.entries(d).sort().\n", "pong not_found\n"]
