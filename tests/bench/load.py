"""The load generator, `python -m tests.bench.load`: reads a job from standard input and writes its measurements.

The loop is closed: each client has one request in progress and sends the next after a complete response. One process
drives all clients over raw sockets. Requests are encoded in advance, and the last bytes identify a complete response,
because the generator shares the machine with the server. It reports its own CPU time too.
"""

import select
import socket
import subprocess
import sys
import time
from typing import Any

import msgspec

from tests.bench.report.figures import Load
from tests.bench.usage import cpu_seconds, memory_bytes

CHUNK = 1 << 18
SPARE_SECONDS = 60


class Job(msgspec.Struct):
    """The requests to send, the socket and the duration."""

    socket: str
    requests: list[list[bytes]]
    """Each client's requests, sent in a cycle."""
    ending: bytes
    """The bytes that end a complete response and occur nowhere before."""
    beginning: bytes
    """The bytes that begin a successful response."""
    greetings: list[bytes] = []
    """Requests that a client sends first; each has a response."""
    lines: int = 1
    """Number of endings in a complete response."""
    pid: int | None = None
    """The server process whose CPU time and memory are measured."""
    seconds: float = 1
    warm_up: float = 0


class Client:
    """A connection with one request in progress."""

    def __init__(self, job: Job, requests: list[bytes]) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(SPARE_SECONDS)
        self.socket.connect(job.socket)
        for greeting in job.greetings:
            converse(self.socket, greeting, job.ending)
        self.socket.settimeout(None)
        self.requests = requests
        self.turn = 0
        self.answer = bytearray()
        self.sent = 0.0
        self.times: list[float] = []
        """Seconds of each answered request."""

    def send(self) -> None:
        """Send the next request. The send does not block, because the server has read the previous one."""
        self.sent = time.perf_counter()
        self.socket.sendall(self.requests[self.turn])
        self.turn = (self.turn + 1) % len(self.requests)

    def finish(self, job: Job) -> None:
        """Wait for the response in progress, without a time limit, and close the connection."""
        while not self.is_complete(self.socket.recv(CHUNK), job):
            pass
        self.times.append(time.perf_counter() - self.sent)
        self.socket.close()

    def is_complete(self, data: bytes, job: Job) -> bool:
        """Add received data; return True if the response is complete.

        Raises:
            RuntimeError: the response is an error.
        """
        self.answer += data
        if not self.answer.endswith(job.ending) or (job.lines > 1 and self.answer.count(job.ending) < job.lines):
            return _check_open(data)
        if not self.answer.startswith(job.beginning):
            raise RuntimeError(f"a bad answer: {bytes(self.answer[:200])!r}")
        self.answer = bytearray()
        return True


def _check_open(data: bytes) -> bool:
    if not data:
        raise RuntimeError("the server closed the connection")
    return False


def converse(connection: socket.socket, request: bytes, ending: bytes) -> bytes:
    """Send one request and return the complete response."""
    connection.sendall(request)
    answer = b""
    while not answer.endswith(ending):
        data = connection.recv(CHUNK)
        _check_open(data)
        answer += data
    return answer


def drive(job: Job) -> Load:
    """Run the load for the warm-up and then for the measured time."""
    clients = [Client(job, requests) for requests in job.requests]
    poll = select.epoll() if sys.platform == "linux" else select.poll()
    for client in clients:
        poll.register(client.socket, select.POLLIN)
    by_descriptor = {client.socket.fileno(): client for client in clients}
    for client in clients:
        client.send()
    _answer_until(time.perf_counter() + job.warm_up, job, poll, by_descriptor)
    for client in clients:
        client.times.clear()
    server = cpu_seconds(job.pid) if job.pid else None
    own, begun = time.process_time(), time.perf_counter()
    _answer_until(begun + job.seconds, job, poll, by_descriptor)
    seconds, own = time.perf_counter() - begun, time.process_time() - own
    if job.pid and server is not None:
        server = (cpu_seconds(job.pid) or 0) - server
    answered = sum(len(client.times) for client in clients)
    for client in clients:
        client.finish(job)
    times = [[one * 1000 for one in client.times] for client in clients]
    memory = memory_bytes(job.pid) if job.pid else None
    return Load(times, answered, seconds, own, server, memory)


def _answer_until(end: float, job: Job, poll: Any, clients: dict[int, Client]) -> None:
    """Receive responses and send the next requests until `end`."""
    clock = time.perf_counter
    now = clock()
    while now < end:
        for descriptor, _ in poll.poll():
            client = clients[descriptor]
            if client.is_complete(client.socket.recv(CHUNK), job):
                now = clock()
                client.times.append(now - client.sent)
                client.send()


def run(job: Job) -> Load:
    """Run the job in its own process.

    Raises:
        RuntimeError: the process failed; the text holds its standard error.
    """
    allowed = job.seconds + job.warm_up + SPARE_SECONDS
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(command, input=msgspec.msgpack.encode(job), capture_output=True, timeout=allowed, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator failed:\n{done.stderr.decode()}")
    return msgspec.msgpack.decode(done.stdout, type=Load)


if __name__ == "__main__":
    work = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.msgpack.encode(drive(work)))
