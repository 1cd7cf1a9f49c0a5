"""The dependencies are locked with hashes as pyproject.toml wants them, and their licences are permissive."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from segue.manual import topic_path
from tests.process.docs.licences import PIN, licences
from tests.support.docs import part_of

ROOT = Path(__file__).parents[3]
PERMISSIVE = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "PSF-2.0", "Apache-2.0", "MPL-2.0"}
NON_PUBLIC = {"aiosqlite", "jsonrpcserver", "llm", "openai-agents"}
"""The packages whose non-public members segue uses: see tests/unit/dependencies/test_internals.py."""


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize(("name", "extras"), [("requirements.lock", []), (".ci/requirements.lock", ["test"])])
def test_a_lock_file_has_every_dependency_in_a_version_that_fits_and_its_hashes(name: str, extras: list[str]) -> None:
    text = (ROOT / name).read_text()
    pinned = {found[0]: found[1] for found in PIN.findall(text)}
    wanted = project()["dependencies"] + [one for extra in extras for one in project()["optional-dependencies"][extra]]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), (
            f"{requirement}: run .ci/lock"
        )
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [block for block in blocks if not re.search(r"^    --hash=sha256:[0-9a-f]{64}", block, re.MULTILINE)] == []
    assert len(blocks) == len(PIN.findall(text))
    assert "://" not in text


def test_the_lock_file_of_the_tests_has_the_versions_of_the_other_one() -> None:
    own, tests = ({found[0]: found[1] for found in PIN.findall((ROOT / name).read_text())}
                  for name in ("requirements.lock", ".ci/requirements.lock"))  # fmt: skip
    assert own.items() <= tests.items()


def test_packages_whose_non_public_members_are_used_have_an_upper_bound() -> None:
    optional = project()["optional-dependencies"]
    wanted = [*project()["dependencies"], *optional["llm"], *optional["openai-agents"]]
    bounded = {
        requirement.name
        for requirement in map(Requirement, wanted)
        if any(part.operator in ("<", "<=", "==", "~=") for part in requirement.specifier)
    }
    assert bounded >= NON_PUBLIC


def test_every_licence_is_permissive_and_in_the_manual() -> None:
    rows = licences()
    assert part_of(topic_path("design").read_text(), "licences").strip() == rows
    assert {row.split(" | ")[1].removesuffix(" |") for row in rows.splitlines()[2:]} <= PERMISSIVE
