"""Generate the table of the packages that segue installs, with their licences."""

import re
from importlib.metadata import PackageMetadata, distribution
from pathlib import Path

LOCK = Path(__file__).parents[3] / "requirements.lock"
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; ([^\\\n]+?))? \\$", re.MULTILINE)
"""A package of the lock file: its name, its version and the systems that need it."""

SPDX = {"MIT License": "MIT"}
"""The identifiers of licences that older packages name in words."""


def licences() -> str:
    """Return one row for each package that segue needs, in the order of the lock file."""
    names = [name for name, _, _ in PIN.findall(LOCK.read_text())]
    rows = [f"| {name} | {licence(distribution(name).metadata)} |" for name in names]
    return "\n".join(["| package | licence |", "|---|---|", *rows])


def licence(metadata: PackageMetadata) -> str:
    """Return the identifier of a package's licence, from its expression, its text or its classifiers."""
    found = [one for name in ("License-Expression", "License") for one in metadata.get_all(name) or []]
    found += [one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier") or [] if one.startswith("License ::")]
    known = next((text for text in found if len(text) <= 40), "unknown")
    return SPDX.get(known, known)
