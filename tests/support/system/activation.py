"""Becomes segued with descriptors passed as a service manager would: `activation.py PID COUNT SOCKET... -- COMMAND`.

Each SOCKET is `listen:PATH`, `bound:PATH`, `datagram:PATH`, `abstract:NAME`, `tcp:` or `file:PATH`; PID is `self` or
whatever is to stand in LISTEN_PID.
"""

import os
import socket
import sys

FIRST = 3


def main() -> None:
    pid, count, *rest = sys.argv[1:]
    border = rest.index("--")
    opened = [open_one(*word.split(":", 1)) for word in rest[:border]]
    high = [os.dup2(descriptor, 100 + index) for index, descriptor in enumerate(opened)]
    for index, descriptor in enumerate(high):
        os.dup2(descriptor, FIRST + index)
        os.close(descriptor)
    os.environ |= {"LISTEN_PID": str(os.getpid()) if pid == "self" else pid, "LISTEN_FDS": count}
    os.execv(rest[border + 1], rest[border + 1 :])


def open_one(kind: str, path: str) -> int:
    if kind == "file":
        return os.open(path, os.O_RDWR | os.O_CREAT)
    family = socket.AF_INET if kind == "tcp" else socket.AF_UNIX
    made = socket.socket(family, socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM)
    os.umask(0o177)
    made.bind(("127.0.0.1", 0) if kind == "tcp" else f"\0{path}" if kind == "abstract" else path)
    if kind in ("listen", "tcp", "abstract"):
        made.listen()
    return made.detach()


if __name__ == "__main__":
    main()
