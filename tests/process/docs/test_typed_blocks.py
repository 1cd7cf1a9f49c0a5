"""The Python blocks of the README and the manual pass `mypy --strict`."""

import subprocess
import sys
from pathlib import Path

from tests.process.docs.blocks import PAGES, blocks, pages_with

ROOT = Path(__file__).parents[3]


def test_the_python_blocks_pass_mypy_strict(tmp_path: Path) -> None:
    files = []
    for page in pages_with("python"):
        for number, block in enumerate(blocks(PAGES[page].read_text(), "python")):
            files.append(tmp_path / f"{page}_{number}.py")
            files[-1].write_text(block)
    assert files
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
