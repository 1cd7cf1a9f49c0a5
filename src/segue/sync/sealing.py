"""Seal batches before they leave the machine, and open those of other machines.

1. The content is compressed, and padded to a length that few other contents have (Padmé), because a hub sees lengths.
2. XChaCha20-Poly1305 encrypts it with a random nonce of 192 bits, which never repeats.
3. The account, machine and number are authenticated with it, so a hub cannot present a batch under another name.
"""

import os
import zlib
from importlib.util import find_spec

import msgspec

from segue.store.sync.wire import Contents, decode_contents, encode
from segue.sync.keys import Key
from segue.sync.transports.transport import Batch

VERSION = 1
NONCE_BYTES = 24
LENGTH_BYTES = 4
MAX_PLAIN = 64 * 1024 * 1024
"""Bytes: the largest content; a batch that unpacks to more is refused."""

TOKEN_BYTES = 16

MISSING = "sync needs PyNaCl; add it with: pipx inject segue pynacl"


class Refused(Exception):
    """A batch that is not what a machine of the account wrote under its name. Nothing of it is applied."""


class NewerVersion(Exception):
    """A batch of a newer segue."""


def is_available() -> bool:
    """Return True if PyNaCl is installed."""
    return find_spec("nacl") is not None


def seal(key: Key, machine: str, number: int, contents: Contents) -> Batch:
    """Return the sealed batch, with a new token."""
    packed = zlib.compress(encode(contents))
    size = LENGTH_BYTES + len(packed)
    plain = (len(packed).to_bytes(LENGTH_BYTES, "big") + packed).ljust(padded(size), b"\0")
    return Batch(machine, number, os.urandom(TOKEN_BYTES), _encrypt(key, machine, number, plain))


def seal_again(old: Key, new: Key, batch: Batch) -> Batch:
    """Return the batch sealed under another key, with the same name, token and padding.

    Raises:
        Refused: the batch was changed, cut, or is another one than its name says.
        NewerVersion: a newer segue wrote it.
    """
    return batch._replace(body=_encrypt(new, batch.machine, batch.number, _decrypt(old, batch)))


def _encrypt(key: Key, machine: str, number: int, plain: bytes) -> bytes:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt  # Only a machine that syncs has it

    nonce = os.urandom(NONCE_BYTES)
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(plain, _name(key, machine, number), nonce, key.sealing)
    return bytes([VERSION]) + nonce + sealed


def open_batch(key: Key, batch: Batch) -> Contents:
    """Return the content of a batch.

    Raises:
        Refused: the batch was changed, cut, or is another one than its name says.
        NewerVersion: a newer segue wrote it.
    """
    return _unpack(_decrypt(key, batch))


def _decrypt(key: Key, batch: Batch) -> bytes:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
    from nacl.exceptions import CryptoError

    if batch.body[:1] != bytes([VERSION]):
        if batch.body and batch.body[0] > VERSION:
            raise NewerVersion
        raise Refused("it has no known form")
    nonce, sealed = batch.body[1 : 1 + NONCE_BYTES], batch.body[1 + NONCE_BYTES :]
    try:
        name = _name(key, batch.machine, batch.number)
        plain: bytes = crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, name, nonce, key.sealing)
    except (CryptoError, ValueError, TypeError):
        raise Refused("it was changed, cut or moved") from None
    return plain


def _unpack(plain: bytes) -> Contents:
    size = int.from_bytes(plain[:LENGTH_BYTES], "big")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(plain[LENGTH_BYTES : LENGTH_BYTES + size], MAX_PLAIN)
    except zlib.error:
        raise Refused("it does not unpack") from None
    try:
        return decode_contents(content)
    except msgspec.DecodeError:  # Only a machine with the key can have sealed it.
        raise NewerVersion from None


def _name(key: Key, machine: str, number: int) -> bytes:
    return b"segue batch" + bytes([VERSION]) + bytes.fromhex(key.account + machine) + number.to_bytes(8, "big")


def padded(size: int) -> int:
    """Return the padded length of a content: at most 12 % more, and one of few (Padmé)."""
    if size < 2:
        return size
    exponent = size.bit_length() - 1
    zeros = exponent - exponent.bit_length()
    mask = (1 << max(0, zeros)) - 1
    return (size + mask) & ~mask
