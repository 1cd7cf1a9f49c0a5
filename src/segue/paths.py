"""Where the socket, the database, the record and the configuration are: the same answer for daemon and clients."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from segue.errors import ConfigError, StartError

if TYPE_CHECKING:
    # Imported where they are needed: a call without a configuration file, or with every place named, is faster by half.
    from segue.config import Config

APP = "segue"
SOCKET_NAME = "segued.sock"
DATABASE_NAME = "sessions.db"
RECORD_NAME = "daemon.json"
MAX_SOCKET_BYTES = 103 if sys.platform == "darwin" else 107
"""sun_path holds 104 bytes on macOS and 108 on Linux, the last of them a NUL."""


class PathOptions(NamedTuple):
    """What the command line says; None where it says nothing."""

    socket: str | None = None
    database: str | None = None
    config: str | None = None


class Paths(NamedTuple):
    """Every path, absolute, and the configuration that helped to find them."""

    configured: "Config | None"
    """What the configuration file says; None without one."""
    config_path: Path
    database: Path
    socket: Path
    socket_explicit: bool
    """Whether somebody named the socket: if not, a client asks the record beside the database first."""
    database_explicit: bool = False
    """Whether somebody named the database: then a client takes no daemon but the one that its record names."""

    @property
    def config(self) -> "Config":
        """Every setting: as configured, else its default."""
        if self.configured is not None:
            return self.configured
        from segue.config import Config

        return Config()

    @property
    def record(self) -> Path:
        """The file in which a serving daemon says where it is."""
        return self.database.parent / RECORD_NAME

    @property
    def lock(self) -> Path:
        """The file whose lock is the ownership of the database."""
        return self.database.with_name(self.database.name + ".lock")


def resolve_paths(overrides: PathOptions, environ: Mapping[str, str] = os.environ) -> Paths:
    """Every path by the contract's order: command line, environment, configuration file, platform default.

    Raises ConfigError for a wrong setting and StartError without a home directory.
    """
    config_path = from_option_or_env(overrides.config, "SEGUE_CONFIG", environ) or default_config()
    config = _load(config_path)
    # Both are looked at even if something else is stronger: a wrong setting is told at once.
    configured_database = _configured(config.daemon.database if config else None, "daemon.database", config_path)
    configured_socket = _configured(config.daemon.socket if config else None, "daemon.socket", config_path)
    given_database = from_option_or_env(overrides.database, "SEGUE_DATABASE", environ) or configured_database
    database = given_database or default_database()
    socket = from_option_or_env(overrides.socket, "SEGUE_SOCKET", environ) or configured_socket
    paths = Paths(
        config,
        config_path,
        database,
        socket or default_socket(environ),
        socket_explicit=socket is not None,
        database_explicit=given_database is not None,
    )
    _check_text(paths.database)
    _check_text(paths.socket)
    _check_no_directory(paths.database)
    return paths


def default_config() -> Path:
    """Where the configuration is if nobody says otherwise."""
    import platformdirs

    return _home_path(platformdirs.user_config_path(APP) / "config.toml")


def default_database() -> Path:
    """Where the database is if nobody says otherwise."""
    return _data_path(DATABASE_NAME)


def default_socket(environ: Mapping[str, str] = os.environ) -> Path:
    """In the runtime directory if that is really ours alone, else beside the data: never in /tmp."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if sys.platform != "darwin" and runtime.startswith("/") and _is_private(runtime):
        return Path(runtime) / APP / SOCKET_NAME
    return _data_path(f"run/{SOCKET_NAME}")


def check_socket_length(path: Path) -> None:
    """StartError if the kernel cannot hold the path."""
    length = len(os.fsencode(path))
    if length > MAX_SOCKET_BYTES:
        raise StartError("socket", f"{path} has {length} bytes, the limit is {MAX_SOCKET_BYTES}; choose a shorter one")


def _load(path: Path) -> "Config | None":
    """The configuration, None if there is no such file."""
    try:
        os.stat(path)  # noqa: PTH116 - of what cannot be looked at, load_config tells why
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
    """A path from the command line (relative to where it was typed), else from the environment (absolute)."""
    if option is not None:
        if not option:
            raise ConfigError("usage", "an empty path was given")
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
    """`path`, which platformdirs made of the home directory; without one that is a relative path."""
    home = os.environ.get("HOME")
    if home == "" or not path.is_absolute() or (home is not None and not home.startswith("/")):
        raise StartError("no home", "HOME is not set to an absolute path; set it, or name the files by options")
    return path


def _check_text(path: Path) -> None:
    """StartError if the path cannot be told in JSON, as the record and `daemon.status` do."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise StartError("path", f"{str(path)!r} is not UTF-8; choose another") from None


def _check_no_directory(database: Path) -> None:
    """StartError here, before anything is made beside it, if somebody named a directory."""
    if os.path.isdir(database):  # noqa: PTH112 - Path.is_dir raises where one may not look
        raise StartError(
            "database", f"{database} is a directory; name a file in it, such as {database / DATABASE_NAME}"
        )


def _is_private(directory: str) -> bool:
    try:
        found = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == 0o700
