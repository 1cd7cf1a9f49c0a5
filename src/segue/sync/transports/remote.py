"""Open the transport to a hub behind a network: PostgreSQL or a bucket."""

import shlex
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from segue.sync.transports.transport import Transport, TransportError
from segue.sync.transports.validation import split_url


def open_remote(url: str, account: str, secret: bytes) -> Transport:
    """Return the transport to the hub of a URL, for one account.

    Nothing is sent before the first call. So a wrong host or password is an error of that call.

    Raises:
        TransportError: the URL is wrong, or a package for it is not installed.
    """
    scheme = split_url(url).scheme
    if scheme not in _OPENERS:
        known = ", ".join(f"{name}://…" for name in ("postgresql", "s3"))
        reason = f"no hub is known for {scheme or url!r}; a hub is a folder, or a URL: {known}"
        raise TransportError(reason, retry=False)
    return _OPENERS[scheme](url, account, secret)


def _postgres(url: str, account: str, secret: bytes) -> Transport:
    require_psycopg()
    from segue.sync.transports.postgres.client import PostgresTransport

    return PostgresTransport(url, account, secret)


def _s3(url: str, account: str, secret: bytes) -> Transport:
    _require("obstore", "obstore", "a hub on S3")
    from segue.sync.transports.s3.client import S3Transport

    return S3Transport(url, account, secret)


def require_psycopg() -> None:
    """Check that psycopg is installed.

    Raises:
        TransportError: it or its C library is not.
    """
    _require("psycopg", "psycopg[binary]", "a hub on PostgreSQL")


def _require(module: str, package: str, what: str) -> None:
    advice = f"add it with: pipx inject segue {shlex.quote(package)}"
    if find_spec(module) is None:
        raise TransportError(f"{what} needs {module}; {advice}", retry=False)
    try:
        import_module(module)
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        raise TransportError(
            f"{what} needs {module}, which cannot be loaded: {reason}; {advice}", retry=False
        ) from None


_OPENERS: dict[str, Callable[[str, str, bytes], Transport]] = {
    "postgres": _postgres,
    "postgresql": _postgres,
    "s3": _s3,
}
