"""One typed function gives validation by name and by position, with the misfit named by its path."""

import inspect
import pydoc
from types import ModuleType
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from segue.api import METHODS, context, daemon, message, session
from segue.errors import InvalidParams, NotFound
from segue.jsonrpc.method import MAX_REASON, Method, is_optional, method, method_table, wire_type
from tests.support.specification import methods_of


class Point(Struct, forbid_unknown_fields=True):
    x: int
    y: int = 0


Small = Annotated[int, Meta(ge=0, le=9)]


@method("test.call", raises=(NotFound,))
async def call(
    ctx: object,
    *,
    word: str,
    small: Small = 5,
    side: Literal["left", "right"] | None = None,
    points: list[Point] | None = None,
    free: dict[str, Any] | None = None,
    change: str | None | UnsetType = UNSET,
) -> str:
    """Return what the caller gets,
    on two lines.

    And what can surprise.
    """
    return f"{ctx}{word}"


DEFAULTS = {"small": 5, "side": None, "points": None, "free": None, "change": UNSET}


@pytest.mark.parametrize(
    ("params", "bound"),
    [
        ({"word": "a"}, {"word": "a"}),
        (["a"], {"word": "a"}),
        ({"word": "a", "small": 0, "side": "left"}, {"word": "a", "small": 0, "side": "left"}),
        (["a", 9, "right", [{"x": 1}]], {"word": "a", "small": 9, "side": "right", "points": [Point(1)]}),
        ({"word": "a", "small": None, "points": None}, {"word": "a"}),
        (["a", None, None, None, {"k": [None]}], {"word": "a", "free": {"k": [None]}}),
        (["a", None, None, None, None, None], {"word": "a", "change": None}),
        ({"word": "a", "change": None}, {"word": "a", "change": None}),
        ({"word": "a", "change": "b"}, {"word": "a", "change": "b"}),
        ({"word": ""}, {"word": ""}),
    ],
    ids=repr,
)
def test_parameters_are_given_by_name_or_in_order_and_null_counts_as_left_out(
    params: Any, bound: dict[str, Any]
) -> None:
    assert call.bind(params) == {**DEFAULTS, **bound}


@pytest.mark.parametrize(
    ("params", "path"),
    [
        (None, "$.word"),
        ({}, "$.word"),
        ([], "$.word"),
        ({"word": None}, "$.word"),
        ([None, 1], "$.word"),
        ({"word": 1}, "$.word"),
        ([1], "$.word"),
        ({"word": "a", "small": -1}, "$.small"),
        ({"word": "a", "small": 10}, "$.small"),
        ({"word": "a", "small": True}, "$.small"),
        ({"word": "a", "small": "1"}, "$.small"),
        ({"word": "a", "small": 2**70}, "$.small"),
        ({"word": "a", "side": "middle"}, "$.side"),
        ({"word": "a", "points": {}}, "$.points"),
        ({"word": "a", "points": [{"x": 1}, {"y": 1}]}, "$.points[1].x"),
        ({"word": "a", "points": [{"x": 1, "z": 1}]}, "$.points[0].z"),
        ({"word": "a", "points": [{"x": "1"}]}, "$.points[0].x"),
        ({"word": "a", "change": 1}, "$.change"),
        ({"word": "a", "nope": 1}, "$.nope"),
        ({"word": "a", "": 1}, "$."),
        ({"word": "a", "no ` pe\n": 1}, "$.no ` pe\n"),
        ({"word": "a", "x - at y": 1}, "$.x - at y"),
        (["a", 1, None, None, None, None, 7], "$"),
        (["a"] * 1000, "$"),
    ],
    ids=repr,
)
def test_the_first_misfit_is_named_by_its_path(params: Any, path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        call.bind(params)
    assert caught.value.data["path"] == path
    assert caught.value.data["reason"]


ROLES = "assistant, developer, function, model, system, tool, user"
"""The roles that an append takes."""


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        (
            "memory.save",
            {"fact": "x", "category": "foo", "importance": 3},
            "context, correction, decision, fact, preference",
        ),
        ("session.list", {"status": "gone"}, "active, completed, crashed"),
        ("message.list", {"roles": ["user", "robot"]}, "assistant, system, tool, user"),
        ("message.append_many", {"session_id": "s", "messages": [{"role": "x"}]}, ROLES),
    ],
    ids=str,
)
def test_the_error_of_a_wrong_choice_names_the_choices(name: str, params: Any, words: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        METHODS[name].bind(params)
    assert caught.value.data["reason"].endswith(f"; it is one of {words}")


@pytest.mark.parametrize(
    ("name", "params", "reason"),
    [
        ("session.create", {"working_dir": "a"}, "must be an absolute path"),
        ("session.import", {"source": {"tool": "llm", "id": "1"}, "session": {"working_dir": "a"}}, "an absolute path"),
        ("message.append", {"session_id": "s", "role": "user", "create": {"working_dir": "a"}}, "an absolute path"),
        ("message.append_many", {"session_id": "s", "messages": [{"role": "user", "key": "a\n"}]}, "without controls"),
        ("message.list", {"keys": ["a", "a\n"]}, "without controls"),
        ("session.create", {"name": ""}, "must not be empty"),
        ("session.create", {"tags": ["a", "b" * 101]}, "must have at most 100 characters"),
        ("session.create", {"tags": ["a"] * 51}, "must have at most 50 elements"),
        ("message.search", {"query": "x", "marks": ["a"]}, "must have at least 2 elements"),
        ("session.get", {"session_id": "a" * 129}, "must have at most 128 characters"),
        ("message.list", {"since": "today"}, "2026-11-21T14:23:05.123Z"),
    ],
    ids=str,
)
def test_the_error_of_a_value_of_another_form_names_the_form_at_any_depth(name: str, params: Any, reason: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        METHODS[name].bind(params)
    assert reason in caught.value.data["reason"]


@pytest.mark.parametrize("params", [{"word": "a", "side": "x" * 10**6}, {"word": "a", "x" * 10**6: 1}], ids="vn")
def test_a_misfit_quotes_no_megabytes(params: Any) -> None:
    with pytest.raises(InvalidParams) as caught:
        call.bind(params)
    assert len(caught.value.data["path"]) <= MAX_REASON
    assert len(caught.value.data["reason"]) <= MAX_REASON


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=8) | st.dictionaries(st.sampled_from([*DEFAULTS, "word", "nope"]), json_values))
def test_any_params_are_bound_or_refused_with_a_path(params: Any) -> None:
    assert bound_or_path(params) in ("bound", "$")


def bound_or_path(params: Any) -> str:
    try:
        return "bound" if set(call.bind(params)) == {"word", *DEFAULTS} else "other names"
    except InvalidParams as error:
        return str(error.data["path"])[:1]


def test_the_summary_is_the_first_paragraph_on_one_line() -> None:
    assert call.summary == "Return what the caller gets, on two lines."


@pytest.mark.parametrize(
    ("params", "bound"),
    [
        ({"word": "a", "small": 5.0}, {"small": 5}),
        (["a", -0.0], {"small": 0}),
        ({"word": "a", "points": [{"x": 1.0}, {"x": 2, "y": 3.0}]}, {"points": [Point(1), Point(2, 3)]}),
        (
            {"word": "a", "small": 1.0, "free": {"deep": [2.0]}},
            {"small": 1, "free": {"deep": [2.0]}},
        ),
    ],
    ids=repr,
)
def test_integral_float_is_accepted_where_an_integer_is_asked_for(params: Any, bound: dict[str, Any]) -> None:
    found = call.bind(params)
    assert repr({name: found[name] for name in bound}) == repr(bound)


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"word": "a", "small": 5.5}, "$.small"),
        ({"word": "a", "small": 10.0}, "$.small"),
        ({"word": "a", "small": 1e300}, "$.small"),
        ({"word": 1.0}, "$.word"),
        ({"word": "a", "points": [{"x": 1.5}]}, "$.points[0].x"),
    ],
    ids=repr,
)
def test_other_floats_are_refused_with_their_path(params: Any, path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        call.bind(params)
    assert caught.value.data["path"] == path


def test_help_shows_signature_and_docstring() -> None:
    shown = pydoc.plain(pydoc.render_doc(session.resolve))
    assert all(f"{name}:" in shown for name in inspect.signature(session.resolve.handler).parameters)
    assert all(line.strip() in shown for line in (session.resolve.handler.__doc__ or "").splitlines())


async def test_method_can_be_called_like_its_handler() -> None:
    assert await call("context of ", word="a") == "context of a"


def test_what_may_be_left_out_is_known_and_unset_is_no_type_of_the_wire() -> None:
    optional = {parameter.name: is_optional(parameter) for parameter in call.parameters}
    assert optional == {"word": False, **dict.fromkeys(DEFAULTS, True)}
    assert [wire_type(parameter) for parameter in call.parameters if parameter.name in ("word", "change")] == [
        str,
        str | None,
    ]


def test_a_table_holds_what_the_modules_define_and_nothing_else() -> None:
    module = ModuleType("one")
    vars(module).update(call=call, again=call, number=1, function=lambda: None)
    assert method_table(module) == {"test.call": call}
    assert method_table() == {}
    assert METHODS["context.build"] is context.build


def test_two_methods_of_one_name_stop_the_program() -> None:
    @method("test.call")
    async def other(ctx: object) -> None:
        """Do something else."""

    with pytest.raises(ValueError, match="test"):
        methods_of(call=call, other=other)


def test_an_unknown_parameter_is_refused_even_if_it_is_null() -> None:
    with pytest.raises(InvalidParams) as caught:
        session.get.bind({"session_id": "s", "surprise": None})
    assert caught.value.data["path"] == "$.surprise"
    assert str(caught.value) == "$.surprise: unknown; it takes session_id"


@pytest.mark.parametrize(
    ("target", "params", "text"),
    [
        (message.append, {"sesion_id": "s"}, "$.sesion_id: unknown; did you mean session_id?"),
        (daemon.ping, {"x": 1}, "$.x: unknown; it takes no parameters"),
        (
            message.append_many,
            {"session_id": "s", "messages": [{"role": "user", "cntent": "x"}]},
            "$.messages[0].cntent: unknown",
        ),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_name_that_was_probably_meant(
    target: Method[Any, ..., Any], params: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidParams) as caught:
        target.bind(params)
    assert (str(caught.value), caught.value.data["reason"]) == (text, "unknown")
