"""The choice of a transport by the URL."""

import importlib.util

import pytest

from segue.sync.transports import opening
from segue.sync.transports.opening import open_transport
from segue.sync.transports.transport import TransportError


@pytest.mark.parametrize("url", ["ftp://host/x", "mysql://host/x", "http://host", "s4://bucket"])
def test_an_unknown_scheme_is_refused(url: str) -> None:
    with pytest.raises(TransportError, match="no hub is known for") as refused:
        open_transport(url, "0" * 32, bytes(32))
    assert not refused.value.retry


@pytest.mark.parametrize("account", ["", "0" * 31, "A" * 32, "../" + "0" * 29])
@pytest.mark.parametrize("url", ["postgresql://localhost/x", "s3://bucket"])
def test_a_malformed_account_is_refused(url: str, account: str) -> None:
    with pytest.raises(TransportError, match="32 lowercase hexadecimal digits"):
        open_transport(url, account, bytes(32))


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        (
            "postgresql://localhost/x",
            "a hub on PostgreSQL needs psycopg; add it with: pipx inject segue 'psycopg[binary]'",
        ),
        ("s3://bucket", "a hub on S3 needs obstore; add it with: pipx inject segue obstore"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_adds_it(
    monkeypatch: pytest.MonkeyPatch, url: str, advice: str
) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    with pytest.raises(TransportError) as refused:
        open_transport(url, "0" * 32, bytes(32))
    assert str(refused.value) == advice
    assert not refused.value.retry


def test_a_package_that_cannot_be_loaded_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> None:
        raise ImportError("no pq wrapper available.\nAttempts made: …")

    monkeypatch.setattr(opening, "import_module", fail)
    with pytest.raises(TransportError, match="cannot be loaded: no pq wrapper available") as refused:
        open_transport("postgresql://localhost/x", "0" * 32, bytes(32))
    assert not refused.value.retry


@pytest.mark.parametrize("module", ["psycopg", "obstore"])
def test_the_named_packages_exist(module: str) -> None:
    assert importlib.util.find_spec(module)
