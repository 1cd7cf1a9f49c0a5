"""A client that sends requests as fast as it can on several connections, until its standard input ends.

Prints the number of its responses: `python -m tests.support.hostile.flood SOCKET`.
"""

import select
import socket
import sys

CONNECTIONS = 4
PIPELINED = 200
"""Requests on each connection without a response."""

LINES = (
    b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n'
    b'{"jsonrpc":"2.0","id":2,"method":"session.list"}\n'
    b'{"jsonrpc":"2.0","id":3,"method":"message.append","params":{"session_id":"flood","role":"user","content":"x"}}\n'
    b'[{"jsonrpc":"2.0","id":4,"method":"no.such"},7]\n'
)


def main() -> None:
    """Send until standard input ends, then read the missing responses."""
    connections = {each.fileno(): each for each in (connect() for _ in range(CONNECTIONS))}
    missing = dict.fromkeys(connections, 4 * PIPELINED)
    watched = [sys.stdin.fileno(), *connections]
    answers = 0
    while any(missing.values()):
        for number in select.select(watched, [], [])[0]:
            if number not in connections:
                watched.remove(number)
                continue
            count = connections[number].recv(1 << 20).count(b"\n")
            answers += count
            missing[number] -= count
            if sys.stdin.fileno() in watched and missing[number] < 2 * PIPELINED:
                connections[number].sendall(LINES * (PIPELINED // 2))
                missing[number] += 2 * PIPELINED
    sys.stdout.write(f"{answers}\n")


def connect() -> socket.socket:
    """Return a connection with requests sent."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(sys.argv[1])
    connection.sendall(LINES * PIPELINED)
    return connection


if __name__ == "__main__":
    main()
