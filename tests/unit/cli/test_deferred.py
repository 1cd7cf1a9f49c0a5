import inspect
import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.cli.deferred import RARELY_USED, DeferredInspect, defer_imports, import_msgspec


@pytest.fixture
def deferred(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Return the deferred modules, in the places of the imported ones."""
    for name in (*RARELY_USED, "typing_extensions"):
        monkeypatch.setitem(sys.modules, name, sys)
        monkeypatch.delitem(sys.modules, name)
    defer_imports()
    return {name: sys.modules[name] for name in RARELY_USED}


def test_a_deferred_module_becomes_the_real_one_when_it_is_used(deferred: dict[str, ModuleType]) -> None:
    import textwrap

    assert textwrap is deferred["textwrap"]
    assert "dedent" not in vars(textwrap)
    assert textwrap.dedent("  a\n  b") == "a\nb"
    assert sys.modules["textwrap"] is not textwrap
    assert vars(sys.modules["textwrap"]).items() <= vars(textwrap).items()


def test_a_name_can_be_imported_from_a_deferred_module(deferred: dict[str, ModuleType]) -> None:
    from ipaddress import ip_address

    assert ip_address("::1").is_loopback
    assert "ip_address" in vars(deferred["ipaddress"])


def test_a_name_that_a_deferred_module_does_not_have_is_an_attribute_error(deferred: dict[str, ModuleType]) -> None:
    for _ in range(2):
        with pytest.raises(AttributeError, match="no_such_name"):
            deferred["ipaddress"].no_such_name  # noqa: B018 - Reading the attribute imports the module


def test_a_module_that_is_imported_already_stays(deferred: dict[str, ModuleType]) -> None:
    deferred["inspect"].signature  # noqa: B018
    real = sys.modules["inspect"]
    defer_imports()
    assert sys.modules["inspect"] is real is not deferred["inspect"]


@given(st.text(st.sampled_from("  \n\n\ba.\t")) | st.text(st.characters(max_codepoint=0x7F)) | st.text())
def test_a_docstring_is_cleaned_as_by_the_module_itself(text: str) -> None:
    assert DeferredInspect("inspect").cleandoc(text) == inspect.cleandoc(text)


def test_msgspec_is_imported_without_an_import_of_typing_extensions(deferred: dict[str, ModuleType]) -> None:
    import_msgspec()
    assert "typing_extensions" not in sys.modules
    import typing_extensions

    import_msgspec()
    assert sys.modules["typing_extensions"] is typing_extensions
