"""Define the keys of the configuration file with their defaults and bounds, and read the file."""

import os
import stat
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct, field
from msgspec.inspect import (
    BoolType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from segue.errors import ConfigError

_MAX_SPAN = 1_000_000_000
"""Hours, days or minutes: the largest time span. No sum of them in milliseconds overflows 64 bits."""

READERS = "segue.history"
"""The group of entry points whose names are those of the tools."""

MAX_BYTES = 65_536
"""Bytes: the longest file. Longer ones are something else, and the time to parse some texts grows with the square."""

SHOWN_CHARS = 40
"""Characters: the part of a wrong value that an error shows."""

Span = Annotated[float, Meta(ge=0, le=_MAX_SPAN)]
Interval = Annotated[float, Meta(gt=0, le=_MAX_SPAN)]
Bound = Annotated[int, Meta(ge=1, le=2**40)]
HubUrl = Annotated[str, Meta(pattern=r"(?i)^(/|postgres(ql)?://|s3://)")]
LogLevel = Literal["debug", "info", "warning", "error"]


class SessionConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings for continuing and deleting sessions. `scope` and `affinity` are for the command line and shells."""

    continuity_hours: Span = 4
    retention_days: Span = 30
    max_sessions: Annotated[int, Meta(ge=0, le=2**40)] = 0
    auto_cleanup: bool = True
    cleanup_interval_minutes: Interval = 60
    scope: Literal["project", "directory"] = "project"
    affinity: Literal["none", "terminal"] = "none"

    @property
    def continuity_ms(self) -> int:
        """Return the age in milliseconds at which a session is no longer continued."""
        return round(self.continuity_hours * 3_600_000)

    @property
    def retention_ms(self) -> int | None:
        """Return the age in milliseconds after which a session is deleted, or None to keep all sessions."""
        return _milliseconds(self.retention_days)


class DaemonConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The paths and the behavior of the daemon."""

    socket: str | None = None
    database: str | None = None
    durability: Literal["full", "normal"] = "full"
    idle_exit_minutes: Span = 0
    log_level: LogLevel = "info"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """The limits on requests, clients and responses, in bytes or as counts."""

    request_bytes: Bound = 16 * 1024 * 1024
    content_bytes: Bound = 8 * 1024 * 1024
    clients: Bound = 512
    queue: Bound = 10_000
    event_backlog: Bound = 10_000
    event_backlog_bytes: Bound = 64 * 1024 * 1024
    answer_bytes: Bound = 16 * 1024 * 1024
    batch: Bound = 1000


class AskConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The model command of `segue ask`."""

    command: str | None = None
    format: Literal["text", "json"] = "text"


class PrivacyConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings for removing secrets."""

    redact: bool = False


class ImportConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings for sessions of other tools."""

    follow: bool | list[str] = False
    retention_days: Span = 0

    @property
    def retention_ms(self) -> int | None:
        """Return the age in milliseconds after which an imported session is deleted, or None to keep all of them."""
        return _milliseconds(self.retention_days)


class SyncConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings for sync with other machines. `url` replaces the address of `segue sync init`."""

    url: HubUrl | None = None
    interval_seconds: Annotated[float, Meta(ge=1, le=_MAX_SPAN)] = 30
    home_relative: bool = True
    continue_: Literal["here", "anywhere"] = field(name="continue", default="here")


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the configuration file. A missing file is `Config()`."""

    session: SessionConfig = SessionConfig()
    daemon: DaemonConfig = DaemonConfig()
    limits: Limits = Limits()
    ask: AskConfig = AskConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    import_: ImportConfig = field(name="import", default=ImportConfig())
    sync: SyncConfig = SyncConfig()


def _milliseconds(days: float) -> int | None:
    return max(1, round(days * 86_400_000)) if days else None


def load_config(path: Path) -> Config:
    """Return the configuration in a file, or the defaults if the file does not exist.

    Raises:
        ConfigError: the file cannot be read or a setting is wrong. The text has the file, the key and the reason.
    """
    try:
        # Without O_NONBLOCK, a pipe would block until another program writes to it.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            check_trusted(os.fstat(file.fileno()), path)
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise ConfigError(f"config: {path}", f"cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"config: {path}", f"longer than {MAX_BYTES} bytes; name a configuration file of segue")
    try:
        return parse_config(data.decode(), path)
    except UnicodeDecodeError as error:
        raise ConfigError(f"config: {path}", f"not UTF-8 at byte {error.start}") from None


def check_trusted(found: os.stat_result, path: Path) -> None:
    """Check that only this user and root can change the file, because its settings name paths and commands.

    Raises:
        ConfigError: it belongs to another user, other users can write to it, or it is a pipe.
    """
    if stat.S_ISFIFO(found.st_mode):  # It cannot be read again, as daemon.status does.
        raise ConfigError(f"config: {path}", "it is a pipe; name a file")
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"config: {path}", f"it belongs to user {found.st_uid}; name a file of your own")
    if stat.S_ISREG(found.st_mode) and found.st_mode & 0o022:
        import shlex

        mode, name = stat.S_IMODE(found.st_mode), shlex.quote(str(path))
        raise ConfigError(f"config: {path}", f"others can write to it (mode {mode:04o}); run: chmod 600 {name}")


def check_tools(config: Config, path: Path) -> None:
    """Check that each tool to follow is one that can be imported, by the readers that are installed.

    Raises:
        ConfigError: a name is unknown.
    """
    follow = config.import_.follow
    if isinstance(follow, bool):
        return
    from importlib.metadata import entry_points  # Not needed without a list

    known = {point.name for point in entry_points(group=READERS)}
    for name in follow:
        if name not in known:
            reason = f"import.follow: no tool is named {_shown(name)}; the tools are {', '.join(sorted(known))}"
            raise ConfigError(f"config: {path}", reason)


def parse_config(text: str, path: Path) -> Config:
    """Return the configuration in a text; ConfigError names `path` as its file."""
    import tomllib  # Not needed without a file

    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also stands for an integer of thousands of digits.
        raise ConfigError(f"config: {path}", f"not TOML: {error}") from None
    try:
        config = msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"config: {path}", _explain(str(error), tree)) from None
    _check_finite(tree, path)
    return config


def _check_finite(tree: dict[str, Any], path: Path) -> None:
    # Bounds do not exclude nan, because every comparison with it is false.
    for section, keys in tree.items():
        for key, value in keys.items():
            if isinstance(value, float) and not isfinite(value):
                raise ConfigError(f"config: {path}", f"{section}.{key}: must be a finite number")


def _explain(error: str, tree: dict[str, Any]) -> str:
    """Return `session.max_sessions: must be …` for an error of msgspec, which ends with the path of the wrong value."""
    reason, _, path = error.rpartition(" - at `$")
    key = path.rstrip("`").removeprefix(".") if reason else ""
    if "unknown field" in (reason or error):
        unknown = (reason or error).rsplit("`", 2)[1]
        return f"{key}.{unknown}: unknown key" if key else f"{unknown}: unknown key"
    kind, value = type_info(Config), cast("object", tree)
    for name in key.split("."):
        name, _, index = name.partition("[")
        kind = next(field.type for field in cast("StructType", kind).fields if field.encode_name == name)
        value = cast("dict[str, object]", value)[name]
        if index:
            value = next(item for item in cast("list[object]", value) if not isinstance(item, str))
    if key == "sync.url" and isinstance(value, str):  # It may hold a password.
        value = f"{value.partition(':')[0]}:…" if ":" in value else value
    return f"{key}: {_requirement(kind)}, not {_shown(value)}"


def _requirement(kind: Type) -> str:
    """Return the requirement that a type states, such as `must be true or false`."""
    match kind:
        case UnionType(types=types):
            named = [
                _requirement(kind) for kind in types if not isinstance(kind, NoneType)
            ]  # TOML cannot express None.
            return " or ".join([named[0], *(text.removeprefix("must be ") for text in named[1:])])
        case ListType():
            return "must be a list of quoted strings"
        case LiteralType(values=values):
            return f"must be one of {', '.join(map(str, values))}"
        case BoolType():
            return "must be true or false"
        case IntType(ge=least, le=most):
            return f"must be a whole number from {least} to {most}"
        case FloatType(ge=least, gt=above, le=most):
            return f"must be a number {f'above {above}, up' if least is None else f'from {least}'} to {most}"
        case StrType(pattern=None):
            return "must be a quoted string"
        case StrType():
            return "must be the absolute path of a folder, or a URL such as postgresql://… or s3://…"
    return "must be a section"


def _shown(value: object) -> str:
    """Return a value in JSON, cut to SHOWN_CHARS."""
    import json

    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
