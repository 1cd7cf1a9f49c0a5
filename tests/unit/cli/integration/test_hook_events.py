"""Events of agents' hooks: the messages to store, each once."""

import json
from typing import Any

import pytest

from segue.cli.integration.agents.hook_events import Event, read_event
from segue.cli.output.terminal import Failure


def event(**members: Any) -> Event | None:
    return read_event(json.dumps({"session_id": "s", "cwd": "/p", **members}).encode())


def said(event: Event | None, last: str | None = None) -> list[str]:
    assert event is not None
    return [f"{message['role']}: {message['content']}" for message in event.messages(last)]


def turn(*prompts: str, reply: str = "done", id: str = "t") -> Event:
    names = {"thread-id": "s", "turn-id": id, "last-assistant-message": reply, "input-messages": prompts}
    found = event(type="agent-turn-complete", **names)
    assert found is not None
    return found


def test_a_prompt_and_a_reply_are_messages() -> None:
    assert said(event(hook_event_name="UserPromptSubmit", prompt="Hi", prompt_id="p")) == ["user: Hi"]
    assert said(event(hook_event_name="Stop", last_assistant_message="Ho", prompt_id="p")) == ["assistant: Ho"]
    assert said(event(hook_event_name="Stop", last_assistant_message=" \n")) == []
    assert said(event(hook_event_name="Stop", last_assistant_message=None)) == []


def test_half_of_a_character_is_replaced() -> None:
    prompt = b'{"hook_event_name": "UserPromptSubmit", "session_id": "s", "cwd": "/", "prompt": "a\\ud83d"}'
    assert said(read_event(prompt)) == ["user: a\ufffd"]


def test_events_without_words_are_left_out() -> None:
    assert event(hook_event_name="SessionEnd", reason="other") is None
    assert event(hook_event_name=["Stop"]) is None
    started = event(hook_event_name="SessionStart", source="startup")
    assert started is not None
    assert (started.starts, said(started)) == (True, [])


def test_a_repeated_event_has_the_same_keys_and_a_second_reply_of_a_turn_another() -> None:
    stops = [
        event(hook_event_name="Stop", last_assistant_message=text, prompt_id="p") for text in ("one", "one", "two")
    ]
    keys = [found.messages(None)[0]["key"] for found in stops if found]
    assert keys[0] == keys[1] != keys[2]


def test_without_an_id_of_the_turn_each_event_is_stored() -> None:
    found = event(hook_event_name="UserPromptSubmit", prompt="again")
    assert found is not None
    assert found.messages(None)[0]["key"] != found.messages(None)[0]["key"]


def test_a_turn_of_codex_has_the_prompts_since_the_last_one() -> None:
    assert said(turn("a")) == ["user: a", "assistant: done"]
    assert said(turn("a", "b"), "a") == ["user: b", "assistant: done"]
    assert said(turn("a", "steer", "b"), "a") == ["user: steer", "user: b", "assistant: done"]
    assert said(turn("go on", "go on"), "go on") == ["user: go on", "assistant: done"]
    assert said(turn("summary", "b"), "a") == ["user: b", "assistant: done"]
    assert said(turn("b"), "a") == ["user: b", "assistant: done"]
    assert said(turn(reply="done"), "a") == ["assistant: done"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"hook_event_name": "Stop", "session_id": "s", "cwd": "/"}', "no last_assistant_message"),
        (b'{"hook_event_name": "Stop", "session_id": 7, "cwd": "/"}', "no session_id"),
        (b'{"type": "agent-turn-complete", "thread-id": "s"}', "no cwd"),
        (b'{"type": "agent-turn-complete", "thread-id": ""}', "empty thread-id"),
        (b'{"hook_event_name": "SessionStart", "session_id": "s", "cwd": "proj"}', "not an absolute path"),
        (b'{"hook_event_name": "SessionStart", "session_id": "s", "cwd": "/\\u0000"}', "not an absolute path"),
        (b'{"type": "agent-turn-complete", "thread-id": "s", "cwd": "/", "input-messages": 7}', "no input-messages"),
    ],
)
def test_an_unusable_event_is_an_error_that_names_what_is_missing(data: bytes, reason: str) -> None:
    with pytest.raises(Failure, match=reason):
        read_event(data)
