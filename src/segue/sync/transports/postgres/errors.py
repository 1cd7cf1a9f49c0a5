"""Errors of PostgreSQL as errors of a hub: the text for a person, and whether a retry can succeed."""

import re

import psycopg

from segue.sync.transports.transport import TransportError

RETRIED = ("08", "25", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE that pass: connection, read-only standby, conflict, resources, locks, shutdown, disk, damage."""

NO_HUB = ("3F000", "42P01", "42883")
"""SQLSTATEs of a database without the schema, or with an older one."""

REFUSED_ACCOUNT = "28000"

_REFUSED = re.compile(
    r"FATAL:.*(authentication failed|does not exist|no pg_hba\.conf entry|is not permitted to log in|permission denied)"
)
"""The text of a server that refuses a client for good. A failed connection has no SQLSTATE.

A server with messages in another language is asked again and again, as one that is away.
"""

_ADVICE = {
    "authentication failed": "check the password in the URL, or PGPASSWORD or ~/.pgpass",
    "no password supplied": "put the password into the URL, or into ~/.pgpass",
    "server does not support SSL": "turn TLS on at the server, or add sslmode=disable to the URL of a trusted network",
    "certificate verify failed": "name the server's authority by sslrootcert=FILE in the URL",
}


def translate(error: Exception, hub: str) -> TransportError:
    """Return the error of the transport for one of psycopg, or of the network below it."""
    text = _first_lines(error)
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state in NO_HUB:
        return TransportError(f"{hub} has no hub; run: segue sync hub URL, as a role that may create it", retry=False)
    if state == REFUSED_ACCOUNT:
        return other_secret(hub)
    if state == "42501":
        return TransportError(f"{hub}: {text}; run: segue sync hub URL --client ROLE", retry=False)
    for reason, advice in _ADVICE.items():
        if reason in text:
            return TransportError(f"{hub}: {text}; {advice}", retry=False)
    if state is None:
        passes = not _REFUSED.search(text) and not isinstance(error, psycopg.ProgrammingError)
        return TransportError(f"{hub}: {text}", retry=passes)
    return TransportError(f"{hub}: {text} ({state})", retry=state.startswith(RETRIED))


def other_secret(hub: str) -> TransportError:
    """Return the error of an account that is registered with another secret."""
    return TransportError(f"{hub} refuses the account: it is registered with another secret", retry=False)


def _first_lines(error: Exception) -> str:
    """Return the text of an error as one line, without the hints after an empty line or a second attempt."""
    lines = [line.strip() for line in str(error).partition("\nMultiple connection attempts")[0].splitlines()]
    return " ".join(line for line in lines if line) or type(error).__name__
