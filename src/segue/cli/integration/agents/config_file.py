"""Change the configuration file of another program: all or nothing, and never a file that cannot be read."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from segue.cli.output.terminal import Failure
from segue.files import FILE_MODE, make_directory, replace_file


class ConfigFile(NamedTuple):
    """A file, the module that edits its format, and the path of the entry in it."""

    path: Path
    format: ModuleType
    entry: Sequence[str]

    def read(self) -> Any:
        """Return the entry, or None.

        Raises:
            Failure: The file cannot be parsed.
        """
        return _get(self._parse(self._text()), self.entry)

    def write(self, members: dict[str, Any]) -> bool:
        """Set members of the entry, keep its others, and return True if that changed the file.

        Raises:
            Failure: The file cannot be parsed, or does not have the expected form. It is not changed.
        """
        text = self._text()
        found = self._parse(text)
        old = _get(found, self.entry)
        if old is not None and not isinstance(old, dict):
            raise self._refusal(f"{'.'.join(self.entry)} is not an object")
        wanted = {**(old or {}), **members}
        if wanted == old:
            return False
        changes = {name: member for name, member in wanted.items() if old is None or old.get(name) != member}
        return self._put(
            text, self._changed(text, changes, is_new=old is None, expected=_with(found, self.entry, wanted))
        )

    def remove(self) -> bool:
        """Remove the entry, and return True if there was one.

        Raises:
            Failure: The file cannot be parsed, or does not have the expected form. It is not changed.
        """
        text = self._text()
        found = self._parse(text)
        if _get(found, self.entry) is None:
            return False
        new = self.format.remove_member(text, self.entry)
        self._check(new, _without(found, self.entry))
        return self._put(text, new)

    def _changed(self, text: str, changes: dict[str, Any], *, is_new: bool, expected: Any) -> str:
        """Return the text with a new entry, or with changed members of the one that is there."""
        try:
            if is_new:
                text = self.format.set_member(text, self.entry, changes)
            else:
                for name, member in changes.items():
                    text = self.format.set_member(text, (*self.entry, name), member)
        except ValueError as error:
            raise self._refusal(str(error)) from None
        self._check(text, expected)
        return text

    def _check(self, new: str, expected: Any) -> None:
        """Compare the meaning of the new text with the expected one, because an edit may meet an unusual form."""
        try:
            right = _plain(self.format.parse(new)) == _plain(expected)
        except ValueError:
            right = False
        if not right:
            raise self._refusal(f"{'.'.join(self.entry[:-1])} has an unusual form")

    def _refusal(self, reason: str) -> Failure:
        return Failure(f"cannot change {self.path}: {reason}; it was not changed. Use --print and change it yourself")

    def _text(self) -> str:
        try:
            return self.path.read_bytes().decode()
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError:
            raise self._refusal("it is not UTF-8") from None

    def _parse(self, text: str) -> Any:
        try:
            found = self.format.parse(text)
        except (ValueError, RecursionError) as error:
            raise self._refusal(f"it cannot be parsed: {error}") from None
        if not isinstance(found, dict):
            raise self._refusal("it is not an object")
        return found

    def _put(self, old: str, new: str) -> bool:
        """Replace the file that the path leads to. A symbolic link stays one, and the mode stays."""
        real = Path(os.path.realpath(self.path))
        mode = real.stat().st_mode & 0o777 if real.exists() else FILE_MODE
        make_directory(real.parent)
        if self._text() != old:
            raise self._refusal("another program changed it meanwhile")
        replace_file(real, new.encode())
        real.chmod(mode)
        return True


def _get(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _with(value: Any, path: Sequence[str], entry: Any) -> Any:
    if not path:
        return entry
    inner = value if isinstance(value, dict) else {}
    return {**inner, path[0]: _with(inner.get(path[0]), path[1:], entry)}


def _without(value: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    name, *rest = path
    if rest:
        return {**value, name: _without(value[name], rest)}
    return {key: member for key, member in value.items() if key != name}


def _plain(value: Any) -> Any:
    """Return the value without empty objects, because a TOML table disappears with its last inner table."""
    if isinstance(value, dict):
        kept = {name: _plain(member) for name, member in value.items()}
        return {name: member for name, member in kept.items() if member != {}}
    return [_plain(member) for member in value] if isinstance(value, list) else value
