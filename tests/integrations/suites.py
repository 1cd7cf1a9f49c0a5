"""Run the tests that a framework ships in its source distribution, in the installed version."""

import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.process import Segued

SOURCES = Path(__file__).parents[2] / "build" / "sources"
PLUGINS = Path(__file__).parent


def sources(package: str) -> Path:
    """Return the folder of the source distribution. It is downloaded once."""
    folder = SOURCES / f"{package.replace('-', '_')}-{version(package)}"
    if not folder.exists():
        SOURCES.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=SOURCES) as name:
            place = f"{package}=={version(package)}"
            download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", place]
            subprocess.run(download, cwd=name, check=True, timeout=300)
            [archive] = Path(name).glob("*.tar.gz")
            with tarfile.open(archive) as packed:
                packed.extractall(name, filter="data")
            (Path(name) / folder.name).rename(folder)
    return folder


def run_suite(package: str, segued: Segued, plugin: str, files: list[str], left_out: dict[str, str]) -> int:
    """Run files of the package's tests with a plugin of this folder, and return how many tests passed.

    `left_out` has the words of the names that are not run, with the reason.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", plugin, "-p", "no:anyio", "-p", "no:cacheprovider", *files]
    command += ["-k", f"not ({' or '.join(left_out)})"]
    environment = {**segued.environment, "PYTHONPATH": f"{PLUGINS}:{PLUGINS.parents[1]}"}
    done = subprocess.run(
        command, cwd=sources(package), env=environment, capture_output=True, text=True, timeout=1000, check=False
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-2000:]
    counts = re.search(r"(\d+) passed", done.stdout)
    assert counts is not None, done.stdout
    return int(counts[1])
