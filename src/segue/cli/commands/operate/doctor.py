"""The `doctor` command: check the installation, the files, the daemon and the shell."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.doctor.daemon import check_daemon
from segue.cli.doctor.files import check_database, check_place, check_socket
from segue.cli.doctor.installation import check_config, check_installation, check_model
from segue.cli.doctor.result import Result, State, print_result
from segue.cli.doctor.surroundings import check_service, check_shell
from segue.cli.groups import command
from segue.cli.output.terminal import echo_json


@command(examples=["segue doctor", "segue doctor --json"])
@json_option
@pass_daemon
def doctor(daemon: DaemonClient, *, as_json: bool) -> int:
    """Check the installation, and say what to do about problems.

    Each check is one line: ok, warn or fail, its name, and what was found. The daemon is checked if it runs; none is
    started. Exit status 1 if a check failed. A pipe gets tab-separated values.
    """
    results = []
    for result in _check(daemon):
        results.append(result)
        if not as_json:
            print_result(result)
    good = all(result.state is not State.FAIL for result in results)
    if as_json:
        echo_json(msgspec.json.encode({"ok": good, "checks": [result._asdict() for result in results]}))
    return 0 if good else 1


def _check(daemon: DaemonClient) -> Iterator[Result]:
    """Yield the results; without valid settings, only of the checks that need none."""
    yield from check_installation()
    paths, config = check_config(daemon)
    yield config
    if paths is not None:
        yield check_database(paths)
        yield from check_place(paths)
        yield check_socket(paths)
        yield from check_daemon(daemon, paths)
        yield check_service(paths)
    yield from check_shell(Path.home())
    if paths is not None:
        yield check_model(paths)
