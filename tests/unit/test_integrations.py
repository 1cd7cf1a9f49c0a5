"""An adapter whose framework is not installed says which extra to install; the package itself needs no framework."""

import subprocess
import sys

import pytest

from segue.integrations.daemon import digest, store_session

EXTRAS = {
    "openai_agents": ("agents", "openai-agents"),
    "claude_agent": ("claude_agent_sdk", "claude-agent"),
    "langgraph": ("langgraph", "langgraph"),
    "llm": ("llm", "llm"),
}


@pytest.mark.parametrize("module", EXTRAS)
def test_a_missing_framework_is_reported_with_its_extra(module: str) -> None:
    package, extra = EXTRAS[module]
    code = f"import sys; sys.modules[{package!r}] = None; import segue.integrations.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(f"ImportError: {package} is not installed; install segue[{extra}]\n")


def test_the_package_imports_no_framework() -> None:
    code = "import segue.integrations.daemon, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {package for package, _ in EXTRAS.values()} & set(loaded)


def test_texts_with_the_same_letters_have_different_digests() -> None:
    texts = [("a", "b"), ("ab",), ("", "ab"), ("a", "", "b"), ("1:a", "b"), ("\ud800",)]
    assert len({digest(*some) for some in texts}) == len(texts)


def test_any_text_is_a_name_of_a_session() -> None:
    names = [store_session("f", text).name for text in ("", " \n", "a\tb", "x" * 300)]
    assert names == ["f", "f", "a b", "x" * 255]
