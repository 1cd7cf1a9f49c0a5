"""The configuration file: every key, its default and its bounds, in one place."""

import json
import tomllib
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct
from msgspec.inspect import (
    BoolType,
    FloatType,
    IntType,
    LiteralType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from segue.errors import ConfigError

_FOREVER = 1_000_000_000
"""More hours than anyone has, yet small enough that no sum of milliseconds overflows."""

SHOWN_CHARS = 40
"""Of a wrong value, in the words about it."""

Span = Annotated[float, Meta(ge=0, le=_FOREVER)]
Interval = Annotated[float, Meta(gt=0, le=_FOREVER)]
Bound = Annotated[int, Meta(ge=1, le=2**40)]
LogLevel = Literal["debug", "info", "warning", "error"]


class SessionConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a session is continued and how long it is kept."""

    continuity_hours: Span = 4
    retention_days: Span = 30
    max_sessions: Annotated[int, Meta(ge=0, le=2**40)] = 0
    auto_cleanup: bool = True
    cleanup_interval_minutes: Interval = 60

    @property
    def continuity_ms(self) -> int:
        """A session is continued while its last message is less than this old, in milliseconds."""
        return round(self.continuity_hours * 3_600_000)

    @property
    def retention_ms(self) -> int | None:
        """A session is deleted when its last message is more than this old; None keeps it for ever."""
        return max(1, round(self.retention_days * 86_400_000)) if self.retention_days else None


class DaemonConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the daemon lives and how it behaves."""

    socket: str | None = None
    database: str | None = None
    durability: Literal["full", "normal"] = "full"
    idle_exit_minutes: Span = 0
    log_level: LogLevel = "info"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one client, or all together, may ask of the daemon; bytes, or a count."""

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
    """What is kept out of the file."""

    redact: bool = False


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; a missing file is `Config()`."""

    session: SessionConfig = SessionConfig()
    daemon: DaemonConfig = DaemonConfig()
    limits: Limits = Limits()
    ask: AskConfig = AskConfig()
    privacy: PrivacyConfig = PrivacyConfig()


def load_config(path: Path) -> Config:
    """The configuration in `path`, or the defaults if there is no such file; ConfigError names file, key and reason."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"config: {path}", str(error)) from None
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> Config:
    """The configuration that `text` holds; `path` is only for the words of an error."""
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also an integer of thousands of digits
        raise ConfigError(f"config: {path}", f"not TOML: {error}") from None
    try:
        config = msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"config: {path}", _explain(str(error), tree)) from None
    _check_finite(tree, path)
    return config


def _check_finite(tree: dict[str, Any], path: Path) -> None:
    # TOML has inf and nan, and every comparison with nan is false, so that bounds do not stop it.
    for section, keys in tree.items():
        for key, value in keys.items():
            if isinstance(value, float) and not isfinite(value):
                raise ConfigError(f"config: {path}", f"{section}.{key}: must be a finite number")


def _explain(error: str, tree: dict[str, Any]) -> str:
    """`session.max_sessions: must be …` of msgspec's own words, which end in the path of the misfit."""
    reason, _, path = error.rpartition(" - at `$")
    key = path.rstrip("`").removeprefix(".") if reason else ""
    if "unknown field" in (reason or error):
        unknown = (reason or error).rsplit("`", 2)[1]
        return f"{key}.{unknown}: no such key" if key else f"{unknown}: no such key"
    kind, value = type_info(Config), cast("object", tree)
    for name in key.split("."):
        kind = next(field.type for field in cast("StructType", kind).fields if field.name == name)
        value = cast("dict[str, object]", value)[name]
    return f"{key}: {_requirement(kind)}, not {_shown(value)}"


def _requirement(kind: Type) -> str:
    """What a value must be, in words."""
    match kind:
        case UnionType(types=types):
            return _requirement(types[0])  # the other is None, which TOML cannot say
        case LiteralType(values=values):
            return f"must be one of {', '.join(map(str, values))}"
        case BoolType():
            return "must be true or false"
        case IntType(ge=least, le=most):
            return f"must be a whole number from {least} to {most}"
        case FloatType(ge=least, gt=above, le=most):
            return f"must be a number {f'above {above}, up' if least is None else f'from {least}'} to {most}"
        case StrType():
            return "must be a text in quotes"
    return "must be a section"


def _shown(value: object) -> str:
    """A value as its file has it, more or less."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
