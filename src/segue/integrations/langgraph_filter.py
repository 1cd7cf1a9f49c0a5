"""Filters of LangGraph's stores: which values and which namespaces pass."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MISSING = object()

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def passes(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return True if each member of `wanted` is in the value: equal, or as its comparisons such as `$gt` say.

    A name with dots is a path, unless the value has a member of that name.

    Raises:
        ValueError: there is no such comparison.
    """
    return all(_matches(_member(value, name), condition) for name, condition in wanted.items())


def under(namespace: Sequence[str], match_type: str, path: Sequence[str]) -> bool:
    """Return True if the namespace begins (`prefix`) or ends (`suffix`) with the path; `*` is any one label."""
    if len(namespace) < len(path):
        return False
    labels = namespace[: len(path)] if match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for label, wanted in zip(labels, path, strict=True))


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Mapping) and name not in value and "." in name:
        first, _, rest = name.partition(".")
        return _member(value.get(first, MISSING), rest)
    return value.get(name, MISSING) if isinstance(value, Mapping) else MISSING


def _matches(found: Any, condition: Any) -> bool:
    if not isinstance(condition, Mapping):
        return _equal(found, condition)
    if any(isinstance(name, str) and name.startswith("$") for name in condition):
        return all(_compares(found, name, value) for name, value in condition.items())
    return isinstance(found, Mapping) and passes(found, condition)


def _compares(found: Any, name: str, value: Any) -> bool:
    if name not in COMPARISONS:
        raise ValueError(f"unknown operator {name!r}; use one of {', '.join(COMPARISONS)}")
    if name in ("$eq", "$ne"):
        return _equal(found, value) is (name == "$eq")
    try:
        return COMPARISONS[name](found, value)
    except TypeError:  # Values of these types have no order.
        return False


def _equal(found: Any, wanted: Any) -> bool:
    # True is not 1 in JSON.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)
