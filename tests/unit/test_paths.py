import os
import pwd
import sys
from pathlib import Path

import pytest

from segue.errors import ConfigError, StartError
from segue.paths import MAX_SOCKET_BYTES, PathOptions, check_socket_length, default_socket, resolve_paths

NONE = PathOptions()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home directory, without variables that name other paths."""
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    for name in os.environ:
        if name.startswith(("XDG_", "SEGUE_")):
            monkeypatch.delenv(name)
    return home


def write_config(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_settings_the_paths_are_those_of_the_platform(home: Path) -> None:
    config, data = home / ".config" / "segue", home / ".local" / "share" / "segue"
    if sys.platform == "darwin":
        config = data = home / "Library" / "Application Support" / "segue"
    paths = resolve_paths(NONE, {})
    assert paths.config_path == config / "config.toml"
    assert paths.database == data / "sessions.db"
    assert paths.socket == data / "run" / "segued.sock"
    assert paths.record == paths.database.with_name("daemon.json")
    assert paths.lock == paths.database.with_name("sessions.db.lock")
    assert not paths.socket_explicit
    assert not home.exists()


def test_an_option_overrides_the_environment_which_overrides_the_file(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "c.toml", f"[daemon]\nsocket = '{tmp_path}/file.sock'\ndatabase = '{tmp_path}/file.db'\n"
    )
    other = write_config(tmp_path / "other.toml", "[limits]\nclients = 7\n")
    environment = {
        "SEGUE_CONFIG": str(config),
        "SEGUE_SOCKET": str(tmp_path / "env.sock"),
        "SEGUE_DATABASE": str(tmp_path / "env.db"),
    }
    options = PathOptions(str(tmp_path / "option.sock"), str(tmp_path / "option.db"), str(other))
    first = resolve_paths(options, environment)
    assert (first.socket.name, first.database.name, first.config.limits.clients) == ("option.sock", "option.db", 7)
    second = resolve_paths(NONE, environment)
    assert (second.socket.name, second.database.name, second.config_path) == ("env.sock", "env.db", config)
    third = resolve_paths(NONE, {"SEGUE_CONFIG": str(config)})
    assert (third.socket, third.database) == (tmp_path / "file.sock", tmp_path / "file.db")
    assert [paths.socket_explicit for paths in (first, second, third)] == [True] * 3


def test_an_option_is_relative_to_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = resolve_paths(PathOptions("run/./x.sock", "../y.db", "c.toml"), {})
    assert (paths.socket, paths.database) == (tmp_path / "run" / "x.sock", tmp_path.parent / "y.db")
    assert paths.config_path == tmp_path / "c.toml"


def test_a_path_in_the_file_may_start_with_a_tilde(tmp_path: Path, home: Path) -> None:
    config = write_config(tmp_path / "c.toml", "[daemon]\nsocket = '~/s.sock'\ndatabase = '~/d.db'\n")
    paths = resolve_paths(PathOptions(config=str(config)), {})
    assert (paths.socket, paths.database) == (home / "s.sock", home / "d.db")


@pytest.mark.parametrize("value", ["run/x", "./x", "", "~nobody-of-that-name/x", "a\\u0000b", "/a\\u0000b"])
@pytest.mark.parametrize("key", ["socket", "database"])
def test_a_path_in_the_file_must_be_absolute(tmp_path: Path, key: str, value: str) -> None:
    config = write_config(tmp_path / "c.toml", f'[daemon]\n{key} = "{value}"\n')
    with pytest.raises(ConfigError) as caught:
        resolve_paths(PathOptions(config=str(config)), {})
    assert str(caught.value).startswith(f"config: {config}: daemon.{key}: ")


@pytest.mark.parametrize("variable", ["SEGUE_SOCKET", "SEGUE_DATABASE", "SEGUE_CONFIG"])
def test_a_path_in_the_environment_must_be_absolute_or_empty(variable: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_paths(NONE, {variable: "relative/x"})
    assert str(caught.value).startswith(f"environment: {variable}: ")
    assert resolve_paths(NONE, {variable: ""}) == resolve_paths(NONE, {})


@pytest.mark.parametrize("options", [PathOptions(socket=""), PathOptions(database=""), PathOptions(config="")])
def test_an_empty_option_is_refused(options: PathOptions) -> None:
    with pytest.raises(ConfigError):
        resolve_paths(options, {})


def test_without_home_the_password_file_names_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    paths = resolve_paths(NONE, {})
    assert paths.database.is_relative_to(pwd.getpwuid(os.geteuid()).pw_dir)


@pytest.mark.parametrize("home", ["", "relative", "."])
def test_a_home_that_is_not_absolute_is_refused(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home)
    with pytest.raises(StartError) as caught:
        resolve_paths(NONE, {})
    assert (caught.value.exit_code, str(caught.value).partition(":")[0]) == (1, "no home")


def test_a_path_that_is_not_utf8_is_refused() -> None:
    for options in (PathOptions(socket="/a\udcff/x"), PathOptions(database="/a\udcff/x")):
        with pytest.raises(StartError) as caught:
            resolve_paths(options, {})
        assert caught.value.exit_code == 1
        str(caught.value).encode()  # The message can be printed.


def test_a_directory_as_database_is_refused_with_a_file_name_to_use(tmp_path: Path) -> None:
    with pytest.raises(StartError) as caught:
        resolve_paths(PathOptions(socket="/x", database=str(tmp_path), config="/none.toml"))
    assert (
        str(caught.value) == f"database: {tmp_path} is a directory; name a file in it, such as {tmp_path}/sessions.db"
    )
    assert [*tmp_path.iterdir()] == []


def runtime_directory(tmp_path: Path, mode: int = 0o700) -> Path:
    folder = tmp_path / "runtime"
    folder.mkdir()
    folder.chmod(mode)
    return folder


def test_a_private_runtime_directory_is_used_except_on_macos(tmp_path: Path) -> None:
    folder = runtime_directory(tmp_path)
    expected = default_socket({}) if sys.platform == "darwin" else folder / "segue" / "segued.sock"
    assert default_socket({"XDG_RUNTIME_DIR": str(folder)}) == expected
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o710, 0o777, 0o500, 0o1700], ids=oct)
def test_a_runtime_directory_of_another_mode_is_not_used(tmp_path: Path, mode: int) -> None:
    folder = runtime_directory(tmp_path, mode)
    assert default_socket({"XDG_RUNTIME_DIR": str(folder)}) == default_socket({})


def test_a_runtime_path_that_is_no_own_directory_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = runtime_directory(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "file").touch(mode=0o700)
    monkeypatch.chdir(tmp_path)
    for value in ("", "runtime", "./runtime", "/none/such", f"{tmp_path}/link", f"{tmp_path}/file", "\0"):
        assert default_socket({"XDG_RUNTIME_DIR": value}) == default_socket({})
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert default_socket({"XDG_RUNTIME_DIR": str(folder)}) == default_socket({})


def test_the_socket_is_never_in_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("TMPDIR", "/tmp/other")
    assert default_socket({}).is_relative_to("/home/ada")


def test_the_length_of_a_socket_path_is_counted_in_bytes() -> None:
    check_socket_length(Path("/" + "s" * (MAX_SOCKET_BYTES - 1)))
    check_socket_length(Path("/" + "ü" * ((MAX_SOCKET_BYTES - 1) // 2)))
    for path in ("/" + "s" * MAX_SOCKET_BYTES, "/" + "ü" * (MAX_SOCKET_BYTES // 2 + 1)):
        with pytest.raises(StartError) as caught:
            check_socket_length(Path(path))
        assert str(len(os.fsencode(path))) in str(caught.value)


def test_the_limit_is_that_of_the_platform() -> None:
    assert {"linux": 107, "darwin": 103}[sys.platform] == MAX_SOCKET_BYTES
