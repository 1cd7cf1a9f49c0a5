"""Import large modules that other packages import for rare cases only when such a case occurs.

They are a fifth of the start of a command. Only the program itself does this, not the packages of segue when another
program imports them.
"""

import sys
from contextlib import suppress
from importlib import import_module
from types import ModuleType
from typing import Any

RARELY_USED = (
    "array",  # by socket, for file descriptors
    "bz2",  # by shutil, for archives
    "inspect",  # by click, for docstrings
    "ipaddress",  # by urllib.parse, which pathlib imports
    "lzma",  # by shutil, for archives
    "msgspec.inspect",  # by msgspec; the configuration needs it
    "selectors",  # by socket, to send files
    "textwrap",  # by msgspec, for JSON Schema
)


class DeferredModule(ModuleType):
    """A module that is imported when one of its names is used."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        real = import_module(self.__name__)
        vars(self).update(vars(real))
        return getattr(real, name)


class DeferredInspect(DeferredModule):
    """The module `inspect`, of which click calls `cleandoc` for every help text."""

    def cleandoc(self, text: str) -> str:
        """Return the result of the function; the module is imported only for a text with unusual white space."""
        if not text.replace("\n", "").replace("\b", "").isprintable():
            return str(self.__getattr__("cleandoc")(text))
        first, *rest = text.split("\n")
        margin = min((len(line) - len(line.lstrip()) for line in rest if line.lstrip()), default=0)
        return "\n".join([first.lstrip(), *(line[margin:] for line in rest)]).strip("\n")


def defer_imports() -> None:
    """Put the deferred modules in the places of those that are not imported yet."""
    for name in RARELY_USED:
        sys.modules.setdefault(name, (DeferredInspect if name == "inspect" else DeferredModule)(name))


def import_msgspec() -> None:
    """Import msgspec without typing_extensions, from which it takes only what Python's typing has since 3.11."""
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment] # An import of it then fails
    try:
        with suppress(ImportError):  # A msgspec that needs it is imported later, with it
            import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]
