"""A context that every provider accepts: exchanges are whole, replies follow their questions, tokens are honest."""

import random
from typing import Any

import pytest

from tests.support.wire import Wire
from tests.unit.conversation.test_provider_requests import MEDIA, call, check_anthropic, check_chat, result


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create")["id"]
    return found


def append(wire: Wire, session: str, role: str, content: str = "", tokens: int | None = None, **more: Any) -> int:
    given = {"token_count": tokens, **more}
    found: int = wire.call("message.append", session_id=session, role=role, content=content, **given)["message_id"]
    return found


def built(wire: Wire, session: str, **params: Any) -> dict[str, Any]:
    """Return the context after checking that both providers accept it."""
    for format, check in (("openai", check_chat), ("anthropic", check_anthropic)):
        check(wire.call("context.build", session_id=session, format=format, **params)["request"])
    found: dict[str, Any] = wire.call("context.build", session_id=session, **params)
    assert "request" not in found
    return found


def ids(context: dict[str, Any]) -> list[int]:
    return [message["id"] for message in context["messages"]]


def exchange(wire: Wire, session: str) -> list[int]:
    """Append a question, a call, its result, the answer and the next question, of 10, 50, 20, 10 and 10 tokens."""
    return [
        append(wire, session, "user", "q", 10),
        append(wire, session, "assistant", "", 50, parts=[call("t1")]),
        append(wire, session, "tool", "", 20, parts=[result("t1")]),
        append(wire, session, "assistant", "a", 10),
        append(wire, session, "user", "q2", 10),
    ]


def test_a_budget_that_ends_within_an_exchange_drops_it_whole(wire: Wire, session: str) -> None:
    made = exchange(wire, session)
    context = built(wire, session, max_tokens=60)
    assert (ids(context), context["dropped"], context["token_count"]) == (made[3:], 3, 20)
    assert ids(built(wire, session, max_tokens=90)) == made[1:]


def test_a_summary_that_ends_at_the_call_leaves_out_its_result(wire: Wire, session: str) -> None:
    made = exchange(wire, session)
    summary = {"session_id": session, "summary": "s", "messages_start": made[0], "messages_end": made[1]}
    wire.call("summary.save", **summary, token_count=1)
    assert ids(built(wire, session)) == made[3:]


def test_deleting_the_call_leaves_out_its_result(wire: Wire, session: str) -> None:
    made = exchange(wire, session)
    wire.call("message.delete_before", session_id=session, before_id=made[2])
    assert ids(built(wire, session)) == made[3:]


def test_an_interrupted_call_is_left_out_unless_it_is_the_newest_message(wire: Wire, session: str) -> None:
    question = append(wire, session, "user", "q")
    interrupted = append(wire, session, "assistant", "", parts=[call("t1"), call("t2")])
    assert ids(built(wire, session)) == [question, interrupted]
    append(wire, session, "tool", "", parts=[result("t1")])
    last = append(wire, session, "user", "go on")
    assert ids(built(wire, session)) == [question, last]


def test_results_in_messages_of_the_user_are_no_question(wire: Wire, session: str) -> None:
    asked = append(wire, session, "user", "q", 10)
    called = append(wire, session, "assistant", "", 10, parts=[call("t1")])
    answered = append(wire, session, "user", "", 10, parts=[result("t1")])
    assert ids(built(wire, session, max_tokens=0)) == [asked, called, answered]


def test_each_reply_stands_behind_its_question(wire: Wire, session: str) -> None:
    first, second = append(wire, session, "user", "A"), append(wire, session, "user", "B")
    reply = append(wire, session, "assistant", "to A", metadata={"reply_to": first})
    reply_2 = append(wire, session, "assistant", "to B", metadata={"reply_to": second})
    third = append(wire, session, "user", "C")
    assert ids(built(wire, session)) == [first, reply, second, reply_2, third]


def test_a_question_without_a_reply_is_left_out_unless_it_is_the_newest(wire: Wire, session: str) -> None:
    append(wire, session, "user", "A")
    second = append(wire, session, "user", "B")
    reply = append(wire, session, "assistant", "to B", metadata={"reply_to": second})
    third = append(wire, session, "user", "C")
    assert ids(built(wire, session)) == [second, reply, third]


def test_two_messages_of_a_user_in_a_row_are_both_kept(wire: Wire, session: str) -> None:
    made = [append(wire, session, "user", "first"), append(wire, session, "user", "second")]
    made.append(append(wire, session, "assistant", "both"))
    assert ids(built(wire, session)) == made


def test_the_text_of_a_result_costs_its_length(wire: Wire, session: str) -> None:
    append(wire, session, "user", "q")
    append(wire, session, "assistant", "", parts=[call("t1")])
    append(wire, session, "tool", "", parts=[result("t1", "word " * 8000)])
    assert built(wire, session)["token_count"] > 10_000
    append(wire, session, "user", "next", 1)
    context = built(wire, session, max_tokens=100)
    assert (context["dropped"], context["token_count"]) == (3, 1)


def test_images_cost_a_fixed_number_and_chinese_a_token_each(wire: Wire, session: str) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD" * 50_000}}
    append(wire, session, "user", "", parts=[image] * 2)
    assert built(wire, session)["token_count"] == 3200
    append(wire, session, "assistant", "漢" * 1001)
    assert built(wire, session)["token_count"] == 3200 + 1001


def test_prompt_memories_and_summary_are_in_the_system_text(wire: Wire) -> None:
    session = wire.call("session.create", system_prompt="Be brief.")["id"]
    wire.call("memory.save", fact="Prefers tabs", category="preference", importance=3)
    made = exchange(wire, session)
    summary = {"session_id": session, "summary": "They talked.", "messages_start": made[0], "messages_end": made[3]}
    wire.call("summary.save", **summary, token_count=1)
    request = wire.call("context.build", session_id=session, format="anthropic")["request"]
    for text in ("Be brief.", "- Prefers tabs", "They talked."):
        assert text in request["system"]
    assert request["messages"] == [{"role": "user", "content": [{"type": "text", "text": "q2"}]}]


@pytest.mark.parametrize(("upto", "kept"), [(0, 1), (1, 1), (2, 1), (3, 4), (4, 5)])
def test_a_fork_does_not_end_within_an_exchange(wire: Wire, session: str, upto: int, kept: int) -> None:
    made = [append(wire, session, "user", "q"), append(wire, session, "assistant", parts=[call("t1"), call("t2")])]
    made += [append(wire, session, "tool", parts=[result(id)]) for id in ("t1", "t2")]
    made.append(append(wire, session, "assistant", "a"))
    fork = wire.call("session.fork", session_id=session, upto_message_id=made[upto])
    assert fork["message_count"] == kept
    assert len(built(wire, fork["id"])["messages"]) == kept


@pytest.mark.parametrize("seed", range(4))
def test_any_cut_of_any_conversation_gives_valid_requests(wire: Wire, session: str, seed: int) -> None:
    choice = random.Random(seed)

    def part() -> dict[str, Any]:
        id = choice.choice(["t1", "t2", "t3"])
        return choice.choice([call(id), result(id), {"type": "text", "text": "words"}, choice.choice(MEDIA)])

    for _ in range(10):
        id = wire.call("session.create", system_prompt=choice.choice([None, "Be brief."]))["id"]
        made: list[int] = []
        for _ in range(choice.randint(1, 12)):
            role = choice.choice(["user", "assistant", "tool", "user", "assistant", "system"])
            answers = {"reply_to": choice.choice(made)} if made and choice.random() < 0.3 else {}
            parts = [part() for _ in range(choice.choice([0, 1, 1, 2]))]
            text = choice.choice(["", "hello", "bye ", "x" * 400])
            made.append(append(wire, id, role, text, parts=parts, metadata=answers))
        if choice.random() < 0.3:
            summary = {"messages_start": made[0], "messages_end": choice.choice(made), "token_count": 3}
            wire.call("summary.save", session_id=id, summary="They talked.", **summary)
        if choice.random() < 0.3:
            id = wire.call("session.fork", session_id=id, upto_message_id=choice.choice(made))["id"]
        elif choice.random() < 0.3:
            wire.call("message.delete_before", session_id=id, before_id=choice.choice(made))
        for budget in (None, 0, 50, 400):
            built(wire, id, max_tokens=budget)


def test_what_a_rewind_left_is_no_part_of_a_context(wire: Wire, session: str) -> None:
    left = {"abandoned": True}
    question = append(wire, session, "user", "q", 10)
    append(wire, session, "user", "taken back", 10, metadata=left)
    append(wire, session, "assistant", "", 50, metadata=left, parts=[call("t1")])
    append(wire, session, "tool", "", 20, metadata=left, parts=[result("t1")])
    kept = append(wire, session, "assistant", "a", 10, metadata={"abandoned": "no"})
    assert ids(built(wire, session)) == ids(built(wire, session, max_tokens=1)) == [question, kept]
