"""Define an RPC method by one typed function. Its signature gives validation, discovery, typed calls and documents."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from types import ModuleType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from segue.errors import InvalidParams, SegueError

NAME = re.compile(r"\.(\w+)")

LENGTH = re.compile(r"`(str|array)` of length ([<>]=) (\d+)$")
BOUNDS = {"<=": "most", ">=": "least"}
UNITS = {"str": "characters", "array": "elements"}

MAX_REASON = 300
"""Characters: the reason of an error is cut here, because it may quote a value of megabytes."""

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")


class Queued(Protocol):
    """A queued write, as far as the dispatcher uses it."""

    def then(self, callback: Callable[[Any, Exception | None], None], /) -> None:
        """Call CALLBACK with the value or the error, later."""


@dataclass(frozen=True)
class Method(Generic[C, P, R]):
    """The definition of a method: its wire name, its handler and the errors that the handler raises."""

    name: str
    handler: Callable[Concatenate[C, P], Awaitable[R]]
    raises: tuple[type[SegueError], ...]
    batchable: bool = False
    """True if the handler does nothing but submit one write to a queue that keeps the order: see `Dispatcher`."""

    def __post_init__(self) -> None:
        """Take the handler's docstring and signature, which `help` shows."""
        vars(self).update(__doc__=self.handler.__doc__, __wrapped__=self.handler, __name__=self.handler.__name__)

    def __call__(self, ctx: C, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run the handler on arguments that are valid."""
        return self.handler(ctx, *args, **kwargs)

    def __get__(self, instance: object, owner: object = None) -> Self:
        """Return the method itself. `help` prints a signature only for what has `__get__`, as a function has."""
        return self

    @property
    def summary(self) -> str:
        """Return the first paragraph of the docstring, on one line."""
        return " ".join((inspect.getdoc(self.handler) or "").partition("\n\n")[0].split())

    @cached_property
    def parameters(self) -> list[inspect.Parameter]:
        """Return the parameters without the context, in the order of positional params."""
        return list(inspect.signature(self.handler).parameters.values())[1:]

    @cached_property
    def params(self) -> type[Struct]:
        """Return the type of the params, which forbids unknown ones."""
        fields = [
            (p.name, p.annotation) if p.default is p.empty else (p.name, p.annotation, p.default)
            for p in self.parameters
        ]
        title = "".join(word.title() for word in re.split(r"[._]", self.name)) + "Params"
        return msgspec.defstruct(title, fields, kw_only=True, forbid_unknown_fields=True)

    @cached_property
    def _omissible(self) -> frozenset[str]:
        """Return the parameters for which null counts as left out. For the others, null is a value."""
        return frozenset(p.name for p in self.parameters if p.default is not UNSET)

    @property
    def result(self) -> Any:
        """Return the type of the result."""
        found = inspect.signature(self.handler).return_annotation
        return get_args(found)[0] if get_origin(found) is Awaitable else found

    @property
    def queues(self) -> bool:
        """Return True if the handler is a plain function, which returns a queued write or a coroutine."""
        return not inspect.iscoroutinefunction(self.handler)

    def bind(self, params: Any) -> dict[str, Any]:
        """Return the keyword arguments for wire `params`: an object, an array, or None.

        Raises:
            InvalidParams: a parameter is missing, unknown or wrong; `path` names the first.
        """
        named = self._by_name(params)
        try:
            try:
                found = msgspec.convert(named, self.params)
            except msgspec.ValidationError as error:
                if "got `float`" not in str(error):
                    raise
                from msgspec.inspect import type_info  # Imported here, because it takes 1 ms of every start.

                found = msgspec.convert(_with_integers(named, type_info(self.params)), self.params)
        except msgspec.ValidationError as error:
            raise self._validation_error(str(error)) from None
        return msgspec.structs.asdict(found)

    @cached_property
    def _decode(self) -> Callable[[bytes | Raw], Struct]:
        return msgspec.json.Decoder(self.params).decode

    def bind_bytes(self, params: Raw) -> dict[str, Any] | None:
        """Return the keyword arguments for the JSON of an object; None for whatever `bind` rejects or converts."""
        try:
            return msgspec.structs.asdict(self._decode(params))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def _validation_error(self, error: str) -> InvalidParams:
        """Return the error in the words of msgspec, or in plainer ones where msgspec quotes a pattern or a bound."""
        path, reason = _split_path(error)
        if length := re.search(LENGTH, reason):
            kind, bound, number = length.groups()
            is_empty = (bound, number) == (">=", "1")
            reason = "must not be empty" if is_empty else f"must have at {BOUNDS[bound]} {number} {UNITS[kind]}"
        elif "matching regex" in reason or reason.startswith("Invalid enum value"):
            from msgspec.inspect import type_info  # Imported here, because it takes 1 ms of every start.

            kinds = list(_at(type_info(self.params), re.findall(NAME, path)))
            if "matching regex" in reason:
                reason = f"must be {next(filter(None, map(_description, kinds)), 'of another form')}"
            else:
                values = (getattr(one, "values", ()) for kind in kinds for one in _alternatives(kind))
                reason += f"; it is one of {', '.join(map(str, chain.from_iterable(values)))}"
        if reason == "unknown" and "." not in path[2:] and "[" not in path:
            message = f"{path[:MAX_REASON]}: unknown; {_instead(path[2:], self.params.__struct_fields__)}"
            return InvalidParams(reason, path=path[:MAX_REASON], message=message)
        return InvalidParams(reason[:MAX_REASON], path=path[:MAX_REASON])

    def _by_name(self, params: Any) -> Any:
        if params is None:
            return {}
        if isinstance(params, list):
            if len(params) > len(self.parameters):
                raise InvalidParams(f"takes at most {len(self.parameters)} parameters, got {len(params)}")
            params = dict(zip((p.name for p in self.parameters), params, strict=False))
        if None not in params.values():
            return params
        return {name: value for name, value in params.items() if value is not None or name not in self._omissible}


def method(
    name: str, *, raises: tuple[type[SegueError], ...] = (), batchable: bool = False
) -> Callable[[Callable[Concatenate[C, P], Awaitable[R]]], Method[C, P, R]]:
    """Turn an async function into an RPC method. Its first parameter is the context; the others are keyword-only."""

    def define(handler: Callable[Concatenate[C, P], Awaitable[R]]) -> Method[C, P, R]:
        return Method(name, handler, raises, batchable)

    return define


Table = Mapping[str, Method[Any, ..., Any]]


def method_table(*modules: ModuleType) -> Table:
    """Return all methods that the modules define, by wire name.

    Raises:
        ValueError: two methods have the same name.
    """
    methods: dict[str, Method[Any, ..., Any]] = {}
    for module in modules:
        for found in vars(module).values():
            if isinstance(found, Method) and methods.setdefault(found.name, found) is not found:
                raise ValueError(f"two methods are named {found.name}")
    return methods


def is_optional(parameter: inspect.Parameter) -> bool:
    """Return True if a call may leave the parameter out."""
    return parameter.default is not parameter.empty


def wire_type(parameter: inspect.Parameter) -> Any:
    """Return the type of the parameter on the wire, where UNSET does not exist."""
    if parameter.default is not UNSET:
        return parameter.annotation
    kept = [kind for kind in get_args(parameter.annotation) if kind is not UnsetType]
    wire: Any = kept[0]
    for kind in kept[1:]:
        wire |= kind
    return wire


def _split_path(error: str) -> tuple[str, str]:
    """Return the path and the reason in an error of msgspec. The path includes a missing or unknown parameter."""
    # Only the end is searched, because the name of an unknown field may look like a path.
    placed = re.fullmatch(r"(.*) - at `(\$[^`]*)`", error, re.DOTALL)
    reason, path = placed.groups() if placed else (error, "$")
    named = re.search(r"(?:missing required|unknown) field `(.*)`$", reason, re.DOTALL)
    if named:
        return f"{path}.{named[1]}", "unknown" if "unknown" in reason else "required"
    return path, reason


def _instead(name: str, known: tuple[str, ...]) -> str:
    """Return what to write instead of an unknown parameter."""
    near = nearest(name, known)
    return f"did you mean {near}?" if near else f"it takes {', '.join(known) or 'no parameters'}"


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known name that an unknown one was probably meant to be; `likeness` 1 asks for the same."""
    from difflib import get_close_matches  # Imported here, because it takes 1 ms of every start.

    return next(iter(get_close_matches(name[:100], known, 1, likeness)), None)


def _with_integers(value: Any, kind: Any) -> Any:
    """Return the value with integral floats as integers wherever the type has an integer and no float."""
    kinds = list(_alternatives(kind))
    names = {type(one).__name__ for one in kinds}
    if isinstance(value, float):
        return int(value) if value.is_integer() and "IntType" in names and "FloatType" not in names else value
    for one in kinds:
        if isinstance(value, list) and hasattr(one, "item_type"):
            return [_with_integers(item, one.item_type) for item in value]
        if isinstance(value, dict) and hasattr(one, "fields"):
            types = {field.encode_name: field.type for field in one.fields}
            return {name: _with_integers(item, types.get(name)) for name, item in value.items()}
    return value


def _at(kind: Any, names: list[str]) -> Iterator[Any]:
    """Yield the types that a value may have at a path of names."""
    if not names:
        yield kind
    for one in _alternatives(kind):
        if hasattr(one, "item_type"):
            yield from _at(one.item_type, names)
        for field in getattr(one, "fields", ()):
            if names and field.encode_name == names[0]:
                yield from _at(field.type, names[1:])


def _alternatives(kind: Any) -> Iterator[Any]:
    """Yield the types of a union, or the type itself, each without its description."""
    for one in getattr(kind, "types", (kind,)):
        yield from _alternatives(one.type) if type(one).__name__ == "Metadata" else (one,)


def _description(kind: Any) -> str | None:
    """Return the description of a type, or of one type of a union."""
    for one in getattr(kind, "types", (kind,)):
        if found := (getattr(one, "extra_json_schema", None) or {}).get("description"):
            return str(found)
    return None
