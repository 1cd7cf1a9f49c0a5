"""The key of an account: one secret of 32 bytes, from which everything else is derived.

A wrong key gives another account, so it can neither read nor harm the right one.
"""

import base64
import os
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from segue.files import create_file, read_private, replace_file

KEY_BYTES = 32
CHECK_BYTES = 5
"""Bytes of the check at the end of the line, so that the line is 60 letters without padding less one."""

PREFIX = "segue-1-"
MAX_LINE = 256


class Key(NamedTuple):
    """The secret of an account."""

    secret: bytes

    @property
    def account(self) -> str:
        """Return the id of the account at a hub: 32 hexadecimal digits."""
        return self._derive(b"segue account", 16).hex()

    @property
    def hub_secret(self) -> bytes:
        """Return the 32 bytes that show a hub the right to write the account."""
        return self._derive(b"segue hub", 32)

    @property
    def sealing(self) -> bytes:
        """Return the 32 bytes that seal batches."""
        return self._derive(b"segue sealing", 32)

    def to_line(self) -> str:
        """Return the key as a line that another machine joins with."""
        text = base64.b32encode(self.secret + self._check()).decode().rstrip("=").lower()
        return PREFIX + text

    def _check(self) -> bytes:
        return self._derive(b"segue check", CHECK_BYTES)

    def _derive(self, purpose: bytes, size: int) -> bytes:
        return blake2b(key=self.secret, person=purpose, digest_size=size).digest()


def new_key() -> Key:
    """Return a random key."""
    return Key(os.urandom(KEY_BYTES))


def parse_line(line: str) -> Key:
    """Return the key of a line that `to_line` made; white space and capital letters do not matter.

    Raises:
        ValueError: the line is no key. The text does not repeat it.
    """
    text = "".join(line.split()).lower()
    if not text.startswith(PREFIX):
        raise ValueError(f"not an invitation; the line begins with {PREFIX}")
    letters = text.removeprefix(PREFIX).upper()
    try:
        key = Key(base64.b32decode(letters + "=" * (-len(letters) % 8))[:KEY_BYTES])
    except ValueError:
        key = Key(b"")
    if len(key.secret) != KEY_BYTES or key.to_line() != text:
        raise ValueError("the invitation is mistyped or incomplete; copy the whole line")
    return key


def key_path(database: Path) -> Path:
    """Return the path of the key's file."""
    return database.with_name("sync.key")


def read_key(database: Path) -> Key:
    """Return the key of this machine.

    Raises:
        ValueError: the file is missing, holds no key, or others can read it.
    """
    path = key_path(database)
    line = read_private(path, MAX_LINE)
    if line is None:
        if path.exists():
            raise ValueError(f"{path} is not a private file of yours; run: chmod 600 {path}")
        raise ValueError(f"{path} is missing; copy it from a backup, or run segue sync leave and join again")
    try:
        return parse_line(line.decode(errors="replace"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def write_key(database: Path, key: Key) -> None:
    """Store the key of this machine in a file with mode 0600.

    Raises:
        FileExistsError: there is one.
    """
    create_file(key_path(database), _content(key), durable=True)


def replace_key(database: Path, key: Key) -> None:
    """Replace the key of this machine in one step."""
    replace_file(key_path(database), _content(key), durable=True)


def _content(key: Key) -> bytes:
    return f"{key.to_line()}\n".encode()
