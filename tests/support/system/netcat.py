"""`nc -N -U SOCKET` for a machine without netcat: standard input to the socket, half-close, the answers back."""

import shutil
import socket
import sys
from os import environ
from pathlib import Path


def netcat() -> str:
    """The command before the socket's path: the real one; a stand-in only on a machine without it that is not CI."""
    if shutil.which("nc"):
        return "nc -N -U"
    assert not environ.get("CI"), "CI must have nc: install netcat-openbsd"
    return f"{sys.executable} {Path(__file__)}"


def main() -> None:
    """Be netcat."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(sys.argv[1])
        connection.sendall(sys.stdin.buffer.read())
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65536):
            sys.stdout.buffer.write(data)


if __name__ == "__main__":
    main()
