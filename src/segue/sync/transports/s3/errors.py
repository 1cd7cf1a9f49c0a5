"""Errors of obstore as errors of a hub: the text for a person, and whether a retry can succeed."""

import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from segue.sync.transports.transport import TransportError

_REASON = re.compile(r"<Code>(?P<code>[^<]*)</Code>.*?<Message>(?P<message>[^<]*)</Message>", re.DOTALL)
_STATUS = re.compile(r"status code: (?P<status>\d{3})")
_SYSTEM = re.compile(r'(?:message: |error: |dns error", *Custom \{.*?error: )"(?P<message>[^"]+)"', re.DOTALL)
"""Texts inside a long description: of the store, of HTTP, of the operating system."""

MACHINE_CREDENTIALS = ("/latest/api/token", "/latest/meta-data/")
"""The addresses at which a machine in AWS gets its credentials. obstore asks there if it has no others."""

PASSING = ("408", "409", "429")
"""Statuses below 500 after which a retry can succeed."""


def translate(error: Exception, hub: str) -> TransportError:
    """Return the error of the transport for one of obstore."""
    text = str(error)
    reason, status = _reason(text), _STATUS.search(text)
    if any(path in text for path in MACHINE_CREDENTIALS):
        return TransportError(f"{hub}: there are no credentials; put them into ~/.aws/credentials", retry=True)
    if "NoSuchBucket" in text:
        return TransportError(f"{hub} does not exist; create it, or correct the URL", retry=False)
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        return TransportError(f"{hub} refuses the credentials: {reason}", retry=False)
    if isinstance(error, NotImplementedError):
        return TransportError(f"{hub}: the store cannot do this: {reason}", retry=False)
    passes = status is None or status["status"] >= "500" or status["status"] in PASSING
    return TransportError(f"{hub}: {reason}", retry=passes)


def _reason(text: str) -> str:
    """Return the part of a long description that a person needs, in one line."""
    if found := _REASON.search(text):
        return f"{found['message'].rstrip('.')} ({found['code']})"
    first = text.partition("\n")[0].rpartition(" - ")[2]
    if found := _SYSTEM.search(text):
        return f"{first}: {found['message']}"
    return first
