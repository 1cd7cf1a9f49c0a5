"""The context of a session: everything a model needs, within a budget, without reading what does not fit."""

from typing import Any

import pytest

from segue.config import Config, Limits
from segue.errors import InvalidParams, NotFound
from segue.store.records.message.row import to_message
from tests.support.wire import Wire


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create")["id"]
    return found


def append(wire: Wire, session: str, role: str = "user", token_count: int | None = 10, **more: Any) -> int:
    given = {"content": "x", **more}
    found: int = wire.call("message.append", session_id=session, role=role, token_count=token_count, **given)[
        "message_id"
    ]
    return found


def build(wire: Wire, session: str, **params: Any) -> Any:
    return wire.call("context.build", session_id=session, **params)


def shape(context: dict[str, Any]) -> tuple[list[int], int, int, bool]:
    """Return the ids of the messages, how many were dropped, the tokens, and whether they are a guess."""
    ids = [message["id"] for message in context["messages"]]
    return ids, context["dropped"], context["token_count"], context["estimated"]


def summarise(wire: Wire, session: str, start: int, end: int, token_count: int = 7) -> Any:
    return wire.call(
        "summary.save", session_id=session, summary="s", messages_start=start, messages_end=end,
        token_count=token_count,
    )  # fmt: skip


def test_the_context_of_an_empty_session_is_empty(wire: Wire, session: str) -> None:
    assert build(wire, session) == {
        "session_id": session, "system_prompt": None, "memories": [], "summary": None, "messages": [],
        "token_count": 0, "estimated": False, "dropped": 0,
    }  # fmt: skip


def test_a_context_holds_prompt_memories_newest_summary_and_the_messages_after_it_and_changes_nothing(
    wire: Wire,
) -> None:
    session = wire.call("session.create", system_prompt="be brief!")["id"]
    ids = [append(wire, session) for _ in range(4)]
    old = wire.call("memory.save", fact="old", category="fact", importance=5)
    memory = wire.call("memory.save", fact="12345", category="fact", importance=1, supersedes=old["id"])
    summarise(wire, session, ids[0], ids[2])
    newest = summarise(wire, session, ids[0], ids[1], 100)
    before = wire.call("session.get", session_id=session)
    assert build(wire, session) == {
        "session_id": session, "system_prompt": "be brief!", "memories": [memory], "summary": newest,
        "messages": [wire.call("message.get", message_id=id) for id in ids[2:]],
        "token_count": 3 + 2 + 100 + 20, "estimated": True, "dropped": 0,
    }  # fmt: skip
    assert wire.call("session.get", session_id=session) == before
    assert wire.call("message.count", session_id=session) == {"count": 4}


@pytest.mark.parametrize(
    ("message", "tokens", "estimated"),
    [
        ({"role": "user", "token_count": 5, "input_tokens": 6, "output_tokens": 7}, 5, False),
        ({"role": "user", "token_count": 0, "input_tokens": 6}, 0, False),
        ({"role": "user", "input_tokens": 6, "output_tokens": 7}, 6, False),
        ({"role": "assistant", "input_tokens": 6, "output_tokens": 7}, 7, False),
        ({"role": "tool", "input_tokens": 6, "output_tokens": 7}, 6, False),
        ({"role": "system", "input_tokens": 6, "output_tokens": 7}, 6, False),
        ({"role": "user", "input_tokens": 0}, 0, False),
        ({"role": "user", "output_tokens": 7}, 1, True),
        ({"role": "assistant", "input_tokens": 6}, 1, True),
        ({"role": "user", "content": ""}, 0, True),
        ({"role": "user", "content": "1234"}, 1, True),
        ({"role": "user", "content": "12345"}, 2, True),
        ({"role": "user", "content": "😀é" * 4}, 2, True),
    ],
)
def test_tokens_are_what_was_counted_else_what_was_used_else_a_quarter_of_the_characters(
    wire: Wire, session: str, message: dict[str, Any], tokens: int, estimated: bool
) -> None:
    id = wire.call("message.append", session_id=session, **{"content": "x", **message})["message_id"]
    assert shape(build(wire, session)) == ([id], 0, tokens, estimated)


@pytest.mark.parametrize(
    ("max_tokens", "kept"), [(None, 6), (60, 6), (59, 5), (50, 5), (49, 4), (30, 3), (29, 2), (20, 2), (19, 2), (0, 2)]
)
def test_over_the_budget_messages_are_dropped_oldest_first_and_none_from_the_newest_user_message_on(
    wire: Wire, session: str, max_tokens: int | None, kept: int
) -> None:
    ids = [append(wire, session, role) for role in ("user", "assistant", "user", "tool", "user", "assistant")]
    assert shape(build(wire, session, max_tokens=max_tokens)) == (ids[6 - kept :], 6 - kept, 10 * kept, False)


def test_a_budget_smaller_than_the_newest_user_message_still_returns_that(wire: Wire, session: str) -> None:
    append(wire, session)
    newest = append(wire, session, token_count=1_000_000)
    assert shape(build(wire, session, max_tokens=5)) == ([newest], 1, 1_000_000, False)


def test_a_message_too_large_for_the_budget_is_not_skipped_for_a_smaller_one_before_it(
    wire: Wire, session: str
) -> None:
    append(wire, session, token_count=1)
    append(wire, session, "assistant", token_count=100)
    newest = append(wire, session, token_count=1)
    assert shape(build(wire, session, max_tokens=50)) == ([newest], 2, 1, False)


def test_without_a_user_message_all_may_be_dropped(wire: Wire, session: str) -> None:
    ids = [append(wire, session, role) for role in ("assistant", "tool", "system")]
    assert shape(build(wire, session, max_tokens=10)) == (ids[2:], 2, 10, False)
    assert shape(build(wire, session, max_tokens=9)) == ([], 3, 0, False)


def test_prompt_memories_and_summary_count_against_the_budget_and_are_never_dropped(wire: Wire) -> None:
    session = wire.call("session.create", system_prompt="1234" * 10)["id"]
    memory = wire.call("memory.save", fact="1234" * 20, category="fact", importance=1)
    ids = [append(wire, session) for _ in range(4)]
    summary = summarise(wire, session, ids[0], ids[0], 30)
    assert shape(build(wire, session, max_tokens=90)) == (ids[1:], 0, 90, True)
    assert shape(build(wire, session, max_tokens=89)) == (ids[2:], 1, 80, True)
    tight = build(wire, session, max_tokens=1)
    assert shape(tight) == (ids[3:], 2, 70, True)
    assert (tight["system_prompt"], tight["memories"], tight["summary"]) == ("1234" * 10, [memory], summary)


def test_the_newest_summary_message_goes_first_and_stays_and_an_older_one_is_a_message_like_others(
    wire: Wire, session: str
) -> None:
    first = append(wire, session)
    older = append(wire, session, "system", is_summary=True)
    middle = append(wire, session)
    newest = append(wire, session, "system", is_summary=True, content="compacted")
    last = append(wire, session)
    assert shape(build(wire, session)) == ([newest, first, older, middle, last], 0, 50, False)
    assert shape(build(wire, session, max_tokens=40)) == ([newest, older, middle, last], 1, 40, False)
    assert shape(build(wire, session, max_tokens=30)) == ([newest, middle, last], 2, 30, False)
    assert shape(build(wire, session, max_tokens=0)) == ([newest, last], 3, 20, False)


def test_a_summary_message_that_is_covered_by_a_saved_summary_is_left_out_with_the_rest(
    wire: Wire, session: str
) -> None:
    covered = append(wire, session, "system", is_summary=True)
    last = append(wire, session)
    summarise(wire, session, covered, covered)
    assert shape(build(wire, session)) == ([last], 0, 17, False)


def test_a_summary_message_after_the_newest_user_message_stays_too(wire: Wire, session: str) -> None:
    user = append(wire, session)
    compacted = append(wire, session, "system", is_summary=True)
    answer = append(wire, session, "assistant")
    assert shape(build(wire, session, max_tokens=0)) == ([compacted, user, answer], 0, 30, False)


def test_a_summary_of_everything_leaves_no_messages(wire: Wire, session: str) -> None:
    ids = [append(wire, session) for _ in range(3)]
    summarise(wire, session, ids[0], ids[2])
    assert shape(build(wire, session, max_tokens=0)) == ([], 0, 7, False)


def test_deleted_messages_are_in_no_context_and_not_counted_as_dropped(wire: Wire, session: str) -> None:
    ids = [append(wire, session) for _ in range(3)]
    wire.call("message.delete_before", session_id=session, before_id=ids[1])
    assert shape(build(wire, session)) == (ids[1:], 0, 20, False)


def test_the_memories_are_the_most_important_of_the_session_s_own_bot_up_to_the_limit(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    session = wire.call("session.create", bot_id="ada")["id"]
    wire.call("memory.save", fact="of another", category="fact", importance=5)
    for index in range(25):
        wire.call("memory.save", bot_id="ada", fact=f"{index}", category="fact", importance=index % 5 + 1)
    expected = [f"{index}" for importance in (4, 3, 2, 1, 0) for index in range(20 + importance, -1, -5)]

    def facts(**params: Any) -> list[str]:
        return [memory["fact"] for memory in build(wire, session, **params)["memories"]]

    assert facts() == expected[:20]
    assert facts(memory_limit=3) == expected[:3]
    assert facts(memory_limit=0) == []
    assert facts(memory_limit=1000) == expected
    assert build(wire, session, memory_limit=0)["token_count"] == 0


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"max_tokens": -1}, "$.max_tokens"),
        ({"max_tokens": 1.5}, "$.max_tokens"),
        ({"memory_limit": -1}, "$.memory_limit"),
        ({"memory_limit": 1001}, "$.memory_limit"),
    ],
)
def test_a_wrong_parameter_is_named(wire: Wire, session: str, params: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        build(wire, session, **params)
    assert caught.value.data["path"] == path


def test_an_unknown_session_is_not_found(wire: Wire) -> None:
    with pytest.raises(NotFound) as caught:
        build(wire, "nope")
    assert caught.value.data == {"what": "session", "id": "nope"}


def test_more_tokens_than_the_largest_integer_are_returned_as_that(wire: Wire, session: str) -> None:
    ids = [append(wire, session, token_count=2**63 - 1) for _ in range(3)]
    assert shape(build(wire, session)) == (ids, 0, 2**63 - 1, False)


@pytest.mark.long
def test_of_a_hundred_thousand_messages_only_those_that_fit_are_read(
    wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = [{"role": role, "content": "x", "token_count": 1} for role in ("user", "assistant")] * 500
    for _ in range(100):
        ids = wire.call("message.append_many", session_id=session, messages=messages)["message_ids"]
    read = 0

    def counting(*row: Any) -> Any:
        nonlocal read
        read += 1
        return to_message(*row)

    monkeypatch.setattr("segue.store.records.message.row.to_message", counting)
    assert shape(build(wire, session, max_tokens=50)) == (ids[-50:], 99_950, 50, False)
    assert 50 <= read <= 52, "those that fit, the first that does not, and perhaps a summary"
    read = 0
    summarise(wire, session, ids[0], ids[-11])
    assert shape(build(wire, session)) == (ids[-10:], 0, 17, False)
    assert 10 <= read <= 14


class TestWithASmallAnswer:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(answer_bytes=5000))

    def test_messages_that_do_not_fit_the_answer_are_dropped_oldest_first(self, wire: Wire, session: str) -> None:
        ids = [append(wire, session, content="x" * 1000) for _ in range(10)]
        context = build(wire, session)
        kept = len(context["messages"])
        assert 1 <= kept <= 4
        assert shape(context) == (ids[10 - kept :], 10 - kept, 10 * kept, False)

    def test_at_least_the_newest_message_is_returned_however_long_it_is(self, wire: Wire, session: str) -> None:
        append(wire, session)
        newest = append(wire, session, content="x" * 20_000)
        assert shape(build(wire, session)) == ([newest], 1, 10, False)

    def test_memories_take_of_the_answer_too_and_their_pages_end_early(self, wire: Wire, session: str) -> None:
        for number in range(10):
            wire.call("memory.save", fact=f"{number} " + "x" * 1000, category="fact", importance=3)
        newest = append(wire, session)
        context = build(wire, session)
        assert 1 <= len(context["memories"]) <= 4
        assert shape(context)[0] == [newest]
        page = wire.call("memory.list")
        assert (len(page["memories"]), page["total"]) == (len(context["memories"]), 10)
