"""Find the socket, the database, the record file and the configuration file, for the daemon and its clients alike."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from segue.errors import ConfigError, StartError

if TYPE_CHECKING:
    # Imported on first use, because a command without a configuration file then starts in half the time.
    from segue.config import Config

APP = "segue"
SOCKET_NAME = "segued.sock"
DATABASE_NAME = "sessions.db"
RECORD_NAME = "daemon.json"
MAX_SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
"""Bytes: the longest socket path. sun_path holds 104 on macOS and 108 on Linux, including the final NUL."""


class PathOptions(NamedTuple):
    """The paths given on the command line; None for an option that is absent."""

    socket: str | None = None
    database: str | None = None
    config: str | None = None


class Paths(NamedTuple):
    """All paths, absolute, with the configuration file they come from."""

    configured: "Config | None"
    """The content of the configuration file; None if the file does not exist."""
    config_path: Path
    database: Path
    socket: Path
    socket_explicit: bool
    """True if an option, a variable or the configuration names the socket; else clients read the record file."""
    database_explicit: bool = False
    """True if an option, a variable or the configuration names the database; then clients accept no other daemon."""
    may_start: bool = True
    """False if an option or a variable names the socket but not the database: it may lead to another host's daemon."""

    @property
    def config(self) -> "Config":
        """Return the configuration, or the defaults without a file."""
        if self.configured is not None:
            return self.configured
        from segue.config import Config

        return Config()

    @property
    def record(self) -> Path:
        """Return the record file, in which a serving daemon names its socket."""
        return self.database.parent / RECORD_NAME

    @property
    def has_default_database(self) -> bool:
        """Return True if the database is that of the platform. Without a home directory there is none."""
        try:
            return self.database == default_database()
        except StartError:
            return False

    @property
    def lock(self) -> Path:
        """Return the lock file. Its lock is the ownership of the database."""
        return self.database.with_name(self.database.name + ".lock")


def resolve_paths(overrides: PathOptions, environ: Mapping[str, str] = os.environ) -> Paths:
    """Return all paths, each from the command line, else the environment, else the configuration, else the platform.

    Raises:
        ConfigError: a setting is wrong.
        StartError: there is no home directory, or a path cannot be used.
    """
    config_path = from_option_or_env(overrides.config, "SEGUE_CONFIG", environ) or default_config()
    config = _load(config_path)
    # Both are checked even when an option overrides them, because a wrong setting should be reported immediately.
    configured_database = _configured(config.daemon.database if config else None, "daemon.database", config_path)
    configured_socket = _configured(config.daemon.socket if config else None, "daemon.socket", config_path)
    given_database = from_option_or_env(overrides.database, "SEGUE_DATABASE", environ)
    given_socket = from_option_or_env(overrides.socket, "SEGUE_SOCKET", environ)
    named_database = given_database or configured_database
    database = named_database or default_database()
    socket = given_socket or configured_socket
    paths = Paths(
        config,
        config_path,
        database,
        socket or default_socket(environ),
        socket_explicit=socket is not None,
        database_explicit=named_database is not None,
        may_start=given_socket is None or given_database is not None,
    )
    _check_text(paths.database)
    _check_text(paths.socket)
    _check_no_directory(paths.database)
    return paths


def default_config() -> Path:
    """Return the platform's path of the configuration file."""
    import platformdirs

    return _home_path(platformdirs.user_config_path(APP) / "config.toml")


def default_database() -> Path:
    """Return the platform's path of the database."""
    return _data_path(DATABASE_NAME)


def default_socket(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the socket path: in the runtime directory if only this user can access it, else in the data directory."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if sys.platform != "darwin" and runtime.startswith("/") and _is_private(runtime):
        return Path(runtime) / APP / SOCKET_NAME
    return _data_path(f"run/{SOCKET_NAME}")


def check_socket_length(path: Path) -> None:
    """Raise StartError if the path is longer than the kernel allows."""
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_BYTES:
        raise StartError("socket", f"{path} has {length} bytes, the limit is {MAX_SOCKET_BYTES}; choose a shorter path")


def _load(path: Path) -> "Config | None":
    """Return the configuration, or None if the file does not exist."""
    try:
        os.stat(path)  # noqa: PTH116 - load_config reports the other errors
    except FileNotFoundError:
        return None
    except OSError:
        pass
    from segue.config import load_config

    return load_config(path)


def _data_path(name: str) -> Path:
    import platformdirs

    return _home_path(platformdirs.user_data_path(APP) / name)


def from_option_or_env(option: str | None, variable: str, environ: Mapping[str, str]) -> Path | None:
    """Return the option as a path relative to the current directory, else the variable, which must be absolute.

    Raises:
        ConfigError: the option is empty, or the variable is relative.
    """
    if option is not None:
        if not option:
            raise ConfigError("usage", "a path is empty; give a file name")
        return Path(os.path.abspath(option))
    value = environ.get(variable, "")
    if value and not value.startswith("/"):
        raise ConfigError(f"environment: {variable}", f"must be an absolute path, not {value!r}")
    return Path(os.path.abspath(value)) if value else None


def _configured(value: str | None, key: str, config_path: Path) -> Path | None:
    if value is None:
        return None
    path = os.path.expanduser(value)
    if not path.startswith("/") or "\0" in path:
        raise ConfigError(f"config: {config_path}", f"{key}: must be an absolute path, not {value!r}")
    return Path(os.path.abspath(path))


def _home_path(path: Path) -> Path:
    """Return the path of platformdirs unchanged; raise StartError if it is relative because no home is set."""
    home = os.environ.get("HOME")
    if home == "" or not path.is_absolute() or (home is not None and not home.startswith("/")):
        raise StartError("no home", "HOME is not set to an absolute path; set it, or name each file by an option")
    return path


def _check_text(path: Path) -> None:
    """Raise StartError for a path that JSON cannot hold, because the record file and `daemon.status` contain it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise StartError("path", f"{str(path)!r} is not UTF-8; choose another path") from None


def _check_no_directory(database: Path) -> None:
    """Raise StartError if the path is a directory, before any file is created beside it."""
    if os.path.isdir(database):  # noqa: PTH112 - Path.is_dir raises if the parent is not readable
        raise StartError(
            "database", f"{database} is a directory; name a file in it, such as {database / DATABASE_NAME}"
        )


def _is_private(directory: str) -> bool:
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700
