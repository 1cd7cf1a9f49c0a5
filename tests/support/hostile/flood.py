"""A client that asks as fast as it can on several connections, in a process of its own, until its stdin ends.

Prints how many answers it was given: `python -m tests.support.hostile.flood SOCKET`.
"""

import select
import socket
import sys

CONNECTIONS = 4
AT_ONCE = 200
"""Requests on their way on each connection."""

LINES = (
    b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n'
    b'{"jsonrpc":"2.0","id":2,"method":"session.list"}\n'
    b'{"jsonrpc":"2.0","id":3,"method":"message.append","params":{"session_id":"flood","role":"user","content":"x"}}\n'
    b'[{"jsonrpc":"2.0","id":4,"method":"no.such"},7]\n'
)


def main() -> None:
    """Flood until told to stop, then take what is still owed."""
    connections = {one.fileno(): one for one in (connect() for _ in range(CONNECTIONS))}
    owed = dict.fromkeys(connections, 4 * AT_ONCE)
    waited_for = [sys.stdin.fileno(), *connections]
    answers = 0
    while any(owed.values()):
        for number in select.select(waited_for, [], [])[0]:
            if number not in connections:
                waited_for.remove(number)
                continue
            count = connections[number].recv(1 << 20).count(b"\n")
            answers += count
            owed[number] -= count
            if sys.stdin.fileno() in waited_for and owed[number] < 2 * AT_ONCE:
                connections[number].sendall(LINES * (AT_ONCE // 2))
                owed[number] += 2 * AT_ONCE
    sys.stdout.write(f"{answers}\n")


def connect() -> socket.socket:
    """A connection that has asked already."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(sys.argv[1])
    connection.sendall(LINES * AT_ONCE)
    return connection


if __name__ == "__main__":
    main()
