"""The load generator: `python -m tests.bench.load`, a job in on stdin, what it saw out on stdout.

A closed loop: each client has one request under way and sends the next when the answer is whole. One process drives
all clients over raw sockets; requests are encoded beforehand and an answer is known by its last bytes, so that the
generator takes little of the machine that it shares with the server. How much it takes is part of what it reports.
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
    """Where to send what, and for how long."""

    socket: str
    requests: list[list[bytes]]
    """For each client what it sends, over and over."""
    ending: bytes
    """What every whole answer ends with, and nothing before."""
    beginning: bytes
    """What every good answer begins with."""
    greetings: list[bytes] = []
    """What a client says first; each is answered."""
    lines: int = 1
    """How often the ending comes before an answer is whole."""
    pid: int | None = None
    """The server, whose CPU time and memory are looked at."""
    seconds: float = 1
    warm_up: float = 0


class Client:
    """A connection with one request under way."""

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
        """Seconds of each request answered."""

    def send(self) -> None:
        """Send the next request; it is small, and the server has taken the one before."""
        self.sent = time.perf_counter()
        self.socket.sendall(self.requests[self.turn])
        self.turn = (self.turn + 1) % len(self.requests)

    def take_last(self, job: Job) -> None:
        """Wait for the answer that is under way, however long, and send no more."""
        while not self.whole(self.socket.recv(CHUNK), job):
            pass
        self.times.append(time.perf_counter() - self.sent)
        self.socket.close()

    def whole(self, data: bytes, job: Job) -> bool:
        """Whether the answer is there with this piece; RuntimeError if it is not a good one."""
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
    """The answer to one request, whole."""
    connection.sendall(request)
    answer = b""
    while not answer.endswith(ending):
        data = connection.recv(CHUNK)
        _check_open(data)
        answer += data
    return answer


def drive(job: Job) -> Load:
    """Send and receive for the warm-up and then for the time that counts."""
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
        client.take_last(job)
    times = [[one * 1000 for one in client.times] for client in clients]
    memory = memory_bytes(job.pid) if job.pid else None
    return Load(times, answered, seconds, own, server, memory)


def _answer_until(end: float, job: Job, poll: Any, clients: dict[int, Client]) -> None:
    """Take answers and send the next requests."""
    clock = time.perf_counter
    now = clock()
    while now < end:
        for descriptor, _ in poll.poll():
            client = clients[descriptor]
            if client.whole(client.socket.recv(CHUNK), job):
                now = clock()
                client.times.append(now - client.sent)
                client.send()


def run(job: Job) -> Load:
    """Do the job in a process of its own; RuntimeError with what it wrote if that fails."""
    allowed = job.seconds + job.warm_up + SPARE_SECONDS
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(command, input=msgspec.msgpack.encode(job), capture_output=True, timeout=allowed, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator failed:\n{done.stderr.decode()}")
    return msgspec.msgpack.decode(done.stdout, type=Load)


if __name__ == "__main__":
    work = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.msgpack.encode(drive(work)))
