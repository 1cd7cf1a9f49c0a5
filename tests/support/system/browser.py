"""Headless Chromium, driven over the pipe of its DevTools protocol."""

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The browser of this machine. Where it is None, the tests that need it are skipped; CI installs it."""

LOAD_SECONDS = 120

END_SECONDS = 20
"""Seconds: how long the browser may take to save its profile and end."""

READ_FD, WRITE_FD = 3, 4
"""Descriptors on which `--remote-debugging-pipe` reads and writes messages that end in a zero byte."""


class Browser:
    """One page. `errors` and `requests` hold what its scripts threw and what it fetched."""

    def __init__(self, commands: int, messages: int) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._commands = commands
        self._messages = messages
        self._buffer = b""
        self._last_id = 0
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable", {}, self._session)

    def open(self, url: str) -> None:
        """Load a page and wait until it is complete."""
        self._call("Page.navigate", {"url": url}, self._session)
        deadline = time.monotonic() + LOAD_SECONDS
        while self.evaluate("document.readyState + location.href") != f"complete{url}":
            assert time.monotonic() < deadline, f"{url} is not complete after {LOAD_SECONDS} s"
            time.sleep(0.01)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        found = self._call("Runtime.evaluate", {"expression": expression, "returnByValue": True}, self._session)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def prefer(self, scheme: str) -> None:
        """Have the page shown as for a user who prefers `light` or `dark`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", {"features": features}, self._session)

    def _call(self, method: str, params: dict[str, Any], session: str | None = None) -> Any:
        self._last_id += 1
        request = {"id": self._last_id, "method": method, "params": params}
        os.write(self._commands, json.dumps(request | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            message = self._receive()
            if message.get("id") == self._last_id:
                assert "error" not in message, message
                return message["result"]
            self._note(message.get("method"), message.get("params", {}))

    def _note(self, method: str | None, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._messages], [], [], LOAD_SECONDS)[0], "the browser does not answer"
            data = os.read(self._messages, 1 << 20)
            assert data, "the browser ended"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Start Chromium with a profile in the folder; it ends with the context."""
    (commands_read, commands), (messages, messages_write) = os.pipe(), os.pipe()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
    script = f'exec "$0" "$@" {READ_FD}<&{commands_read} {WRITE_FD}>&{messages_write}'
    process = subprocess.Popen(
        ["bash", "-c", script, PROGRAM or "chromium", *options],
        pass_fds=(commands_read, messages_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(commands_read)
    os.close(messages_write)
    try:
        yield Browser(commands, messages)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        process.kill()
        process.wait()
        os.close(commands)
        os.close(messages)
