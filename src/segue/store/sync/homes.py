"""Directories below the home directory, which has another path on another machine."""

from typing import Any, NamedTuple


class Home(NamedTuple):
    """The home directory of this machine; None sends paths as they are."""

    path: str | None

    def to_wire(self, value: Any) -> Any:
        """Return a path as it travels: `["~", rest]` below the home directory."""
        if self.path and isinstance(value, str) and (value == self.path or value.startswith(f"{self.path}/")):
            return ["~", value[len(self.path) :]]
        return value

    def from_wire(self, value: Any) -> Any:
        """Return a path of this machine; where the home directory is not to be used, another one stands for it."""
        if isinstance(value, list):
            return f"{self.path or '/~'}{value[1]}"
        return value


PATHS = ("working_dir", "project")
"""The fields of a session that are paths; a project may be any other text."""
