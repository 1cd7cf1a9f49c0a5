"""A real sshd on a local port, with keys and settings of its own."""

import getpass
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.wire import TIMEOUT_SECONDS

SSHD = "/usr/sbin/sshd"
HOST = "far"
"""The name of the host in the settings of the client."""


@contextmanager
def open_host(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield a folder for PATH whose `ssh` reaches the host `far`: this machine, with that environment.

    ssh reads its settings in the home of the user's account, so a script passes others.
    """
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / f"{name}_key")]
        subprocess.run(command, check=True)
    variables = " ".join(shlex.quote(f"{name}={value}") for name, value in environment.items())
    (folder / "sshd_config").write_text(
        f"HostKey {folder}/host_key\nAuthorizedKeysFile {folder}/user_key.pub\nStrictModes no\nUsePAM no\n"
        f"PermitRootLogin yes\nPidFile none\nSetEnv {variables}\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (folder / "ssh_config").write_text(
            f"Host {HOST}\nHostName 127.0.0.1\nPort {port}\nUser {getpass.getuser()}\n"
            f"IdentityFile {folder}/user_key\nIdentitiesOnly yes\nUserKnownHostsFile {folder}/known_hosts\n"
            "StrictHostKeyChecking yes\nBatchMode yes\n"
        )
        host_key = (folder / "host_key.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
        programs = folder / "ssh-bin"
        programs.mkdir()
        script = programs / "ssh"
        script.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {folder}/ssh_config "$@"\n')
        script.chmod(0o755)
        thread = threading.Thread(target=_serve, args=(listener, folder))
        thread.start()
        try:
            yield programs
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, folder: Path) -> None:
    """Start sshd for each connection, as inetd does, so that the port is never free."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd requires it; a container may have none
    running: list[subprocess.Popen[bytes]] = []
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, (folder / "sshd.log").open("ab") as log:
                command = [SSHD, "-i", "-e", "-f", str(folder / "sshd_config")]
                running.append(
                    subprocess.Popen(command, stdin=connection.fileno(), stdout=connection.fileno(), stderr=log)
                )
    for process in running:
        process.wait(TIMEOUT_SECONDS)
