"""Checks of every transport before it sends anything: of its URL, of names, and of the limits of a batch."""

import re
from urllib.parse import SplitResult, urlsplit

from segue.sync.transports.transport import Batch, TransportError

MAX_BODY_BYTES = 16 * 1024 * 1024
TOKEN_BYTES = 16
MAX_NUMBER = 2**63 - 1

UID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def split_url(url: str) -> SplitResult:
    """Return the parts of a URL.

    Raises:
        TransportError: it is malformed.
    """
    try:
        return urlsplit(url)
    except ValueError as error:
        raise TransportError(f"the URL of the hub is malformed: {error}", retry=False) from None


def check_account(account: str) -> None:
    """Check the id of an account.

    Raises:
        TransportError: it is malformed.
    """
    if not UID.fullmatch(account):
        raise TransportError(f"the id of an account has 32 lowercase hexadecimal digits, not {account!r}", retry=False)


def check_batch(batch: Batch) -> None:
    """Check that a hub can store the batch.

    Raises:
        TransportError: a part of it is out of bounds.
    """
    check_name(batch.machine, batch.number)
    check_token(batch.token)
    if not 1 <= len(batch.body) <= MAX_BODY_BYTES:
        reason = f"its body has {len(batch.body)} bytes, not 1 to {MAX_BODY_BYTES}"
        raise TransportError(f"batch {batch.number} cannot be stored: {reason}", retry=False)


def check_token(token: bytes) -> None:
    """Check the length of a token.

    Raises:
        TransportError: it is another one.
    """
    if len(token) != TOKEN_BYTES:
        raise TransportError(f"a token has {TOKEN_BYTES} bytes, not {len(token)}", retry=False)


def check_name(machine: str, number: int) -> None:
    """Check the name of a batch.

    Raises:
        TransportError: the uid of the machine or the number is malformed.
    """
    check_machine(machine)
    if not 1 <= number <= MAX_NUMBER:
        raise TransportError(f"the number of a batch is from 1 to {MAX_NUMBER}, not {number}", retry=False)


def check_machine(machine: str) -> None:
    """Check the uid of a machine, because it becomes a part of names of files and objects.

    Raises:
        TransportError: it is malformed.
    """
    if not UID.fullmatch(machine):
        raise TransportError(f"the uid of a machine has 32 lowercase hexadecimal digits, not {machine!r}", retry=False)
