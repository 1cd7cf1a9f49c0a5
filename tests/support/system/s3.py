"""A store with the interface of S3: moto in a process of its own, its content in memory."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

# One request at a time, because moto checks a condition and writes without a lock.
SERVE = """
import threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

moto, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

def serve(environ, start_response):
    with lock:
        return [b"".join(moto(environ, start_response))]

server = make_server("127.0.0.1", 0, serve, threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "segue", "AWS_SECRET_ACCESS_KEY": "segue"}

VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


class Store:
    """The store that serves at a port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def create_bucket(self, name: str, *, versioned: bool = False) -> None:
        self.request("PUT", name)
        if versioned:
            self.keep_versions(name)

    def keep_versions(self, bucket: str) -> None:
        """Turn on that the bucket keeps what is overwritten or deleted."""
        self.request("PUT", f"{bucket}?versioning", VERSIONED)

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Return every object by its name."""
        listed = self.request("GET", f"{bucket}?list-type=2").decode()
        return {key: self.request("GET", f"{bucket}/{key}") for key in re.findall("<Key>(.*?)</Key>", listed)}

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        # moto checks no signature, but an object is private for a request without one
        headers = {
            "Authorization": f"AWS {CREDENTIALS['AWS_ACCESS_KEY_ID']}:unchecked",
            "Content-Type": "application/xml",
        }
        data = None if method == "GET" else body
        request = Request(f"http://127.0.0.1:{self.port}/{path}", data=data, headers=headers, method=method)
        with urlopen(request) as answer:
            content: bytes = answer.read()
            return content


@contextmanager
def open_store() -> Iterator[Store]:
    """Yield a store that serves."""
    command = [sys.executable, "-W", "ignore", "-c", SERVE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield Store(int(process.stdout.readline()))
        finally:
            process.terminate()
