"""The URL of a bucket, and the credentials for it."""

import os
from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from segue.sync.transports.transport import TransportError
from segue.sync.transports.validation import split_url

OPTIONS = ("endpoint", "region", "profile")


class Address(NamedTuple):
    """The address of a hub, and the credentials for it."""

    bucket: str
    prefix: str
    """The folder in the bucket, or an empty string."""
    endpoint: str | None
    """The URL of a store that is not AWS."""
    settings: Mapping[str, str]
    """Region and credentials, by the names that AWS gives them in its files. What is not here is up to obstore."""

    @property
    def shown(self) -> str:
        """Return the hub's name in messages."""
        at = f" at {urlsplit(self.endpoint).netloc}" if self.endpoint else ""
        return f"the bucket {self.bucket}{at}"


def parse(url: str, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the address that a URL such as `s3://BUCKET/FOLDER?endpoint=https://HOST&region=REGION` names.

    Raises:
        TransportError: it names no bucket, has an unknown option, or its profile does not exist.
    """
    parts = split_url(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(OPTIONS)):
        reason = f"unknown option {unknown[0]!r}; the options are {', '.join(OPTIONS)}"
        raise TransportError(f"the URL of the hub has an {reason}", retry=False)
    if "@" in parts.netloc:
        reason = "has credentials; put them into ~/.aws/credentials"
        raise TransportError(f"the URL of the hub {reason}", retry=False)
    if not parts.netloc:
        raise TransportError("the URL of the hub names no bucket; write s3://BUCKET/FOLDER", retry=False)
    endpoint = options.get("endpoint") or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if endpoint and split_url(endpoint).scheme not in ("http", "https"):
        raise TransportError(f"the endpoint of the hub is {endpoint!r}; it begins with https://", retry=False)
    settings = _settings(options.get("profile"), environment)
    if region := options.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"):
        settings["region"] = region
    return Address(parts.netloc, parts.path.strip("/"), endpoint, settings)


def _settings(profile: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the files of AWS say for a profile, because obstore reads the environment only.

    The environment goes before the default profile, as for the programs of AWS.
    """
    if profile is None and "AWS_ACCESS_KEY_ID" in environment:
        return {}
    name = profile or environment.get("AWS_PROFILE") or "default"
    home = Path(environment.get("HOME", "~")).expanduser() / ".aws"
    credentials = _read(Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"))
    config = _read(Path(environment.get("AWS_CONFIG_FILE") or home / "config"))
    sections = [
        dict(file[section])
        for file, section in ((config, name if name == "default" else f"profile {name}"), (credentials, name))
        if file.has_section(section)
    ]
    if not sections and name != "default":
        raise TransportError(f"there is no profile {name!r} in {home}/credentials or {home}/config", retry=False)
    found = {key: value for section in sections for key, value in section.items()}
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region")
    return {key.removeprefix("aws_"): found[key] for key in names if key in found}


def _read(path: Path) -> ConfigParser:
    """Return a file of AWS; one that does not exist is empty."""
    parser = ConfigParser(interpolation=None, default_section="")
    try:
        parser.read(path)
    except (Error, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise TransportError(f"{path} cannot be read: {reason}", retry=False) from None
    return parser
