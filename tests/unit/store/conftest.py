"""Fixtures of the tests of the store."""

from collections.abc import Iterator

import pytest

from tests.support.database import Database


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Return one database for all examples of a module; `emptied` empties it."""
    database = Database(tmp_path_factory.mktemp("database") / "sessions.db")
    yield database
    database.close()
