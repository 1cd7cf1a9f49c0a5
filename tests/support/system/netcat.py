"""A replacement of `nc -N -U SOCKET` for a machine without netcat."""

import shutil
import socket
import sys
from os import environ
from pathlib import Path


def netcat() -> str:
    """Return the command before the path of the socket: `nc`, or this file if `nc` is missing and this is not CI."""
    if shutil.which("nc"):
        return "nc -N -U"
    assert not environ.get("CI"), "CI must have nc: install netcat-openbsd"
    return f"{sys.executable} {Path(__file__)}"


def main() -> None:
    """Send standard input to the socket, close the sending side, and print the response."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(sys.argv[1])
        connection.sendall(sys.stdin.buffer.read())
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65536):
            sys.stdout.buffer.write(data)


if __name__ == "__main__":
    main()
