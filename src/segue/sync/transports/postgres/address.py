"""The URL of a hub on PostgreSQL, as libpq reads it, with options of the hub's own."""

import re
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from segue.sync.transports.transport import TransportError
from segue.sync.transports.validation import split_url

CONNECT_SECONDS = 10
_PORTS = re.compile(r"[0-9,]*", re.ASCII)
"""One port, or one for each of several hosts."""

DEFAULTS: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "application_name": "segue", "keepalives_idle": 60}


class Address(NamedTuple):
    """The address of a hub."""

    conninfo: str
    """The connection string of libpq. It may hold a password."""
    shown: str
    """The hub's name in messages, without a password."""
    listens: bool
    """True if the hub reports new batches by NOTIFY."""


def parse(url: str) -> Address:
    """Return the address that a URL names.

    A connection through a network is encrypted unless the URL has an `sslmode`.

    Raises:
        TransportError: libpq cannot read the URL, or an option has no such value.
    """
    parts = split_url(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    listens = dict(query).get("listen", "1")
    if listens not in ("0", "1"):
        raise TransportError(f"the URL of the hub has listen={listens}; it is 0 or 1", retry=False)
    rest = urlencode([(name, value) for name, value in query if name != "listen"])
    try:
        given = conninfo_to_dict(urlunsplit(parts._replace(query=rest)))
        host = str(given.get("host") or given.get("hostaddr") or "")
        if _is_remote(host):
            given.setdefault("sslmode", "require")
        conninfo = make_conninfo("", **(DEFAULTS | given))
        if not _PORTS.fullmatch(str(given.get("port", ""))):
            raise psycopg.OperationalError(f"the port is {given['port']!r}, not a number")
    except psycopg.Error as error:
        raise TransportError(f"the URL of the hub is malformed: {str(error).strip()}", retry=False) from None
    port, name = given.get("port") or 5432, given.get("dbname") or given.get("user") or ""
    return Address(conninfo, f"the hub {host or 'localhost'}:{port}/{name}", listens == "1")


def _is_remote(host: str) -> bool:
    """Return True if a network carries the connection. A path is a Unix socket."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True
