"""`segue service`: the files of a service manager, put in place, known again, and right."""

import os
import plistlib
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from segue.cli.integration import unit_files
from segue.cli.integration.unit_files import LABEL, plan
from segue.config import Config
from segue.paths import Paths
from tests.process.command_line import Cli
from tests.support.process import PROGRAMS, Segued
from tests.support.wire import TIMEOUT_SECONDS

TOP = Path(__file__).parents[3]
LINUX_ONLY = ["segued.service", "segued.socket"]


@pytest.fixture
def segue(segued: Segued, project: Path) -> Cli:
    """Return `segue` in a home of its own, where nothing is named."""
    runtime = segued.folder / "runtime"
    runtime.mkdir(mode=0o700)
    unnamed = {name: value for name, value in segued.environment.items() if not name.startswith("SEGUE_")}
    return Cli({**unnamed, "XDG_RUNTIME_DIR": str(runtime)}, project)


@pytest.fixture
def folder(segued: Segued) -> Path:
    """Return the folder of a user's units."""
    return segued.folder / ".config" / "systemd" / "user"


def analyze(segue: Cli, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--user", *arguments],
        env=segue.environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith(("#", "["))]


@pytest.mark.parametrize("hardened", [(), ("--hardened",)])
def test_systemd_finds_nothing_wrong_with_what_is_installed(
    segue: Cli, folder: Path, hardened: tuple[str, ...]
) -> None:
    segue.ok("service", "install", *hardened)
    done = analyze(segue, "verify", *(str(folder / name) for name in LINUX_ONLY))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    threshold = "15" if hardened else "65"
    rated = analyze(segue, "security", "--offline=yes", f"--threshold={threshold}", str(folder / "segued.service"))
    assert rated.returncode == 0, rated.stdout


def test_systemd_would_complain_of_a_mistake(segue: Cli, folder: Path) -> None:
    segue.ok("service", "install")
    unit = folder / "segued.service"
    unit.write_text(unit.read_text().replace("LockPersonality", "LockPresonality"))
    assert analyze(segue, "verify", str(unit)).stderr


def test_the_installed_files_are_those_at_the_top_but_for_the_program(segue: Cli, folder: Path) -> None:
    segue.ok("service", "install", "--hardened")
    for name in (*LINUX_ONLY, "segued.service.d/hardening.conf"):
        ours = (TOP / "systemd" / name).read_text().replace("%h/.local/bin/segued", str(PROGRAMS / "segued"))
        data = str(Path(segue.environment["HOME"]) / ".local" / "share" / "segue")
        ours = ours.replace("%h/.local/share/segue", data)
        installed = (folder / name).read_text()
        assert installed.startswith(ours)
        assert installed.removeprefix(ours).count("\n") == 1  # the seal
    assert (Path(segue.environment["HOME"]) / ".local" / "share" / "segue").stat().st_mode & 0o777 == 0o700


def test_places_that_were_named_are_kept_whatever_is_in_their_names(segue: Cli, folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / 'a $x %h "b" \\c'
    options = ["--database", f"{odd}/s.db", "--socket", f"{odd}/s.sock", "--config", f"{odd}/c.toml"]
    segue.ok(*options, "service", "install", "--hardened")
    quoted = str(odd).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    command = f'"{quoted}/s.db" --config "{quoted}/c.toml"'.replace("$", "$$")
    assert f"ExecStart={PROGRAMS}/segued --database {command}" in lines(folder / "segued.service")
    assert f"ListenStream={odd}/s.sock".replace("%", "%%") in lines(folder / "segued.socket")
    walls = lines(folder / "segued.service.d" / "hardening.conf")
    assert f'ReadWritePaths="{quoted}" "{quoted}"' in walls
    done = analyze(segue, "verify", *(str(folder / name) for name in LINUX_ONLY))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_path_that_looks_like_a_place_to_fill_in_is_left_as_it_is(segue: Cli, folder: Path, tmp_path: Path) -> None:
    odd = tmp_path / "x y" / "%t" / "segue" / "run"
    segue.ok("--database", f"{odd}/s.db", "--socket", f"{tmp_path}/s.sock", "service", "install", "--hardened")
    written = str(odd).replace("%", "%%")
    assert f'ReadWritePaths="{written}" {tmp_path}' in lines(folder / "segued.service.d" / "hardening.conf")


def test_a_path_with_a_line_break_is_refused(segue: Cli, folder: Path) -> None:
    outcome = segue.run("--database", "/a\nExecStart=/bin/false", "service", "install")
    assert (outcome.code, outcome.out) == (2, "")
    assert not folder.exists()


def test_a_dry_run_shows_everything_and_does_nothing(segue: Cli, folder: Path) -> None:
    shown = segue.ok("service", "install", "--hardened", "--dry-run").out
    assert not folder.exists()
    segue.ok("service", "install", "--hardened")
    for name in (*LINUX_ONLY, "segued.service.d/hardening.conf"):
        assert str(folder / name) in shown
        assert (folder / name).read_text() in shown
    before = segue.ok("service", "uninstall", "--dry-run").out
    assert before.count("would remove") == 3
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 3


def test_the_commands_to_run_are_printed(segue: Cli) -> None:
    assert "systemctl --user enable --now segued.socket" in segue.ok("service", "install").out
    assert "systemctl --user stop segued.socket" in segue.ok("service", "uninstall").out


def test_installing_again_changes_nothing_and_brings_an_old_file_up_to_date(segue: Cli, folder: Path) -> None:
    segue.ok("--database", "/elsewhere/s.db", "service", "install")
    assert "out of date" in segue.run("service", "status").out
    segue.ok("service", "install")
    before = (folder / "segued.service").read_bytes()
    segue.ok("service", "install")
    assert (folder / "segued.service").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == LINUX_ONLY


def test_a_file_that_was_changed_or_is_anothers_is_left_alone_unless_forced(segue: Cli, folder: Path) -> None:
    segue.ok("service", "install")
    for name, text in (("segued.service", "[Service]\nNice=5\n"), ("segued.socket", None)):
        path = folder / name
        mine = path.read_text() + "\n# mine\n" if text is None else text
        path.write_text(mine)
        for verb in ("install", "uninstall"):
            outcome = segue.run("service", verb)
            assert (outcome.code, outcome.out) == (1, "")
            assert "--force" in outcome.err
            assert path.read_text() == mine
        assert segue.run("service", "status").code == 1
        segue.ok("service", "install", "--force")
    segue.ok("service", "status")


def test_a_unit_that_was_masked_stays_so(segue: Cli, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "segued.service").symlink_to("/dev/null")
    assert segue.run("service", "install").code == 1
    assert not (folder / "segued.socket").exists()
    assert (folder / "segued.service").is_symlink()


def test_uninstalling_leaves_nothing_and_what_others_put_there(segue: Cli, folder: Path) -> None:
    segue.ok("service", "install", "--hardened")
    (folder / "segued.service.d" / "mine.conf").write_text("")
    wants = folder / "sockets.target.wants"
    wants.mkdir()
    (wants / "segued.socket").symlink_to(folder / "segued.socket")
    segue.ok("service", "uninstall")
    assert [path.name for path in folder.rglob("*") if not path.is_dir()] == ["mine.conf"]
    assert segue.ok("service", "uninstall").out == "nothing is installed\n"


def test_the_state_of_each_file_is_printed(segue: Cli) -> None:
    outcome = segue.run("service", "status")
    assert (outcome.code, outcome.out.count("not installed")) == (1, 3)
    segue.ok("service", "install")
    assert segue.ok("service", "status").out.count(": installed") == 2


def test_no_daemon_is_started_for_any_of_it(segue: Cli, segued: Segued) -> None:
    for verb in ("install", "status", "uninstall"):
        segue.given(SEGUE_NO_AUTOSTART="").ok("service", verb)
    assert not (segued.folder / ".local").exists()


# launchd: no Mac is needed to see that the file is what launchd.plist(5) asks for.

KEYS = {
    "Label": str,
    "ProgramArguments": list,
    "RunAtLoad": bool,
    "KeepAlive": dict,
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "Umask": int,
    "WorkingDirectory": str,
    "HardResourceLimits": dict,
    "StandardErrorPath": str,
}


def paths(**changed: object) -> Paths:
    found = Paths(Config(), Path("/x.toml"), Path("/data/<a> & b.db"), Path("/run/s.sock"), socket_explicit=True)
    return found._replace(**changed)  # type: ignore[arg-type]


def test_the_agent_of_launchd_has_known_keys_of_the_right_types_and_absolute_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "it's $HOME"
    monkeypatch.setenv("HOME", str(home))
    found = plan(paths(database_explicit=True), platform="darwin")
    [unit] = found.units
    agent = plistlib.loads(unit.text.encode())
    assert {key: type(value) for key, value in agent.items()} == KEYS
    assert unit.path == home / "Library" / "LaunchAgents" / f"{agent['Label']}.plist"
    assert agent["Label"] == LABEL
    assert agent["ProgramArguments"] == [
        str(PROGRAMS / "segued"),
        *("--database", "/data/<a> & b.db"),
        *("--config", "/x.toml"),
        *("--socket", "/run/s.sock"),
    ]
    assert agent["Umask"] == 0o077
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["StandardErrorPath"].startswith(str(home))
    assert agent["ExitTimeOut"] > 10
    assert shlex.split(found.start_commands[-1]) == ["launchctl", "bootstrap", f"gui/{os.getuid()}", str(unit.path)]


def test_the_file_at_the_top_is_a_property_list_with_the_same_keys() -> None:
    raw = (TOP / "launchd" / f"{LABEL}.plist").read_text()
    agent = plistlib.loads(raw.encode())
    assert {key: type(value) for key, value in agent.items()} == KEYS
    assert not re.search(r"<integer>0\d", raw)  # property lists know no octal numbers


def test_a_platform_without_a_known_manager_is_reported() -> None:
    with pytest.raises(Exception, match="run segued yourself"):
        plan(paths(), platform="sunos5")


def test_no_place_to_fill_in_is_left_and_each_stands_there_once() -> None:
    service, socket, walls, agent = (
        unit_files.template(name)
        for name in (
            "systemd/segued.service",
            "systemd/segued.socket",
            "systemd/segued.service.d/hardening.conf",
            f"launchd/{LABEL}.plist",
        )
    )
    assert [service.count(unit_files.PROGRAM), socket.count(unit_files.SOCKET), walls.count(unit_files.DATA)] == [1] * 3
    assert walls.count("%t/segue") == 1
    assert (agent.count(unit_files.PLIST_PROGRAM), agent.count(unit_files.PLIST_LOG)) == (1, 1)


def test_the_package_takes_the_very_files_at_the_top() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included == {"launchd": "segue/units/launchd", "systemd": "segue/units/systemd"}
    copies = [path for path in (TOP / "src").rglob("*") if path.suffix in (".service", ".socket", ".plist")]
    assert copies == []
