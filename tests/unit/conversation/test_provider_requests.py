"""A conversation becomes a request that a provider accepts, whatever was cut off it."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from anthropic.types import MessageParam
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from segue.conversation.provider_requests import OMITTED, anthropic_request, openai_request
from segue.models import Message, Role

CHAT = TypeAdapter(list[ChatCompletionMessageParam])
ANTHROPIC = TypeAdapter(list[MessageParam])


def message(role: Role, content: str = "", parts: list[dict[str, Any]] | None = None) -> Message:
    row = dict.fromkeys(Message.__struct_fields__[: -len(Message.__struct_defaults__)]) | {
        "id": 1,
        "session_id": "s",
        "is_summary": False,
        "metadata": {},
        "state": "complete",
    }
    at = {"created_at": "2026-11-28T00:00:00.000Z"}
    return msgspec.convert(row | at | {"role": role, "content": content, "parts": parts}, Message)


def call(id: str, name: str = "Bash") -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": {"command": "ls"}}


def result(id: str, text: str = "main.py") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": text}


def check_chat(request: dict[str, Any]) -> None:
    """Check the rules of the API that its types do not state."""
    CHAT.validate_python(request["messages"])
    roles = [one["role"] for one in request["messages"]]
    assert all(one == "tool" for one, other in pairwise(roles) if one == other)
    wanted: list[str] = []
    for one in request["messages"]:
        if wanted:
            assert one["role"] == "tool"
            assert one["tool_call_id"] == wanted.pop(0)
            continue
        assert one["role"] != "tool"
        wanted = [made["id"] for made in one.get("tool_calls", ())]
    assert not wanted


def check_anthropic(request: dict[str, Any]) -> None:
    """Check the rules of the API that its types do not state."""
    ANTHROPIC.validate_python(request["messages"])
    roles = [one["role"] for one in request["messages"]]
    assert roles == [("user", "assistant")[index % 2] for index in range(len(roles))]
    wanted: list[str] = []
    for one in request["messages"]:
        assert one["content"]
        assert all(block["text"].strip() for block in one["content"] if block["type"] == "text")
        results = [block["tool_use_id"] for block in one["content"] if block["type"] == "tool_result"]
        assert results == wanted
        if wanted:
            assert [block["type"] for block in one["content"][: len(wanted)]] == ["tool_result"] * len(wanted)
        wanted = [block["id"] for block in one["content"] if block["type"] == "tool_use"]
    assert not wanted


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
URL = "https://x.example/a.png"
MEDIA: list[dict[str, Any]] = [
    IMAGE,
    {"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "QUJD"}},
    {"type": "image", "source": {"type": "base64"}},
    {"type": "image", "source": {"type": "url", "url": URL}},
    {"type": "image"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
    {"type": "image_url", "image_url": URL},
    {"type": "input_image", "image_url": URL},
    {"type": "image_url", "image_url": {"url": 5}},
    {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
    {"type": "input_audio", "input_audio": {"data": "QUJD"}},
    {"type": "file", "file": {"file_id": "f1", "size": 3}},
    {"type": "file", "file": {}},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a document"}},
    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}},
    {"type": "document", "source": {"type": "base64", "media_type": "text/csv", "data": "QUJD"}},
    {"type": ["image"], "source": 3},
]
IDS = st.sampled_from(["t1", "t2", "t3", "call 4/ü"])
PARTS = st.lists(
    st.one_of(
        IDS.map(call),
        IDS.map(result),
        st.just({"type": "text", "text": "words"}),
        st.just({"type": "thinking", "thinking": "hm"}),
        IDS.map(
            lambda one: {"tool_calls": [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{"}}]}
        ),
        IDS.map(lambda one: {"tool_call_id": one, "content": "42"}),
        IDS.map(lambda one: {"type": "function_call", "call_id": one, "name": "f", "arguments": '{"a": 1}'}),
        IDS.map(lambda one: {"type": "function_call_output", "call_id": one, "output": ""}),
        IDS.map(lambda one: {"type": "tool_result", "tool_use_id": one, "content": [IMAGE, {"type": "text"}]}),
        st.sampled_from(MEDIA),
        st.just({"type": "injected", "text": "<system-reminder>x</system-reminder>"}),
    ),
    max_size=3,
)
ROLES: list[Role] = ["user", "assistant", "system", "tool"]
MESSAGES = st.builds(message, st.sampled_from(ROLES), st.sampled_from(["", " ", "hello", "bye "]), PARTS)


@given(st.lists(MESSAGES, max_size=12), st.sampled_from([[], ["be brief"]]))
def test_any_conversation_gives_valid_requests_that_have_all_texts(messages: list[Message], system: list[str]) -> None:
    chat, anthropic = openai_request(system, messages), anthropic_request(system, messages)
    check_chat(chat)
    check_anthropic(anthropic)
    for text in {*system, *(one.content.strip() for one in messages if one.role in ("system", "assistant"))}:
        assert text in str(chat)
        assert text in str(anthropic)


def test_words_of_a_user_beside_a_result_are_kept() -> None:
    parts = [result("t1", "a"), {"type": "text", "text": "And now?"}]
    talk = [message("user", "go"), message("assistant", "", [call("t1")]), message("user", "And now?", parts)]
    assert openai_request([], talk)["messages"][-2:] == [
        {"role": "tool", "tool_call_id": "t1", "content": "a"},
        {"role": "user", "content": "And now?"},
    ]
    assert anthropic_request([], talk)["messages"][-1]["content"] == [result("t1", "a"), parts[1]]


def test_an_image_that_a_tool_gave_stays_in_its_result() -> None:
    parts = [{"type": "tool_result", "tool_use_id": "t1", "content": [IMAGE]}]
    talk = [message("assistant", "Look.", [call("t1")]), message("tool", parts=parts)]
    assert anthropic_request([], talk)["messages"][-1]["content"][0]["content"] == [
        {"type": "text", "text": "[image]"},
        IMAGE,
    ]
    assert openai_request([], talk)["messages"][-1]["content"] == "[image]"


def test_a_whole_exchange_keeps_all_of_it_in_order() -> None:
    talk = [
        message("user", "List the files."),
        message("assistant", "I'll look.", [call("t1"), call("t2")]),
        message("tool", parts=[result("t2", "b")]),
        message("tool", parts=[result("t1", "a")]),
        message("assistant", "Two."),
    ]
    made = {"name": "Bash", "arguments": '{"command":"ls"}'}
    assert openai_request(["be brief"], talk)["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "List the files."},
        {
            "role": "assistant",
            "content": "I'll look.",
            "tool_calls": [{"id": id, "type": "function", "function": made} for id in ("t1", "t2")],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "a"},
        {"role": "tool", "tool_call_id": "t2", "content": "b"},
        {"role": "assistant", "content": "Two."},
    ]
    assert anthropic_request(["be brief"], talk) == {
        "system": "be brief",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "List the files."}]},
            {"role": "assistant", "content": [{"type": "text", "text": "I'll look."}, call("t1"), call("t2")]},
            {"role": "user", "content": [result("t1", "a"), result("t2", "b")]},
            {"role": "assistant", "content": [{"type": "text", "text": "Two."}]},
        ],
    }


def test_a_call_without_a_result_and_a_result_without_a_call_are_left_out() -> None:
    talk = [message("tool", parts=[result("t0")]), message("assistant", "Wait.", [call("t1")]), message("user", "So?")]
    assert [one["role"] for one in openai_request([], talk)["messages"]] == ["assistant", "user"]
    assert anthropic_request([], talk)["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": OMITTED}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Wait."}]},
        {"role": "user", "content": [{"type": "text", "text": "So?"}]},
    ]


@pytest.mark.parametrize("id", ["t1", "call 4/ü", "x" * 100])
def test_an_id_and_a_name_are_made_safe_on_both_sides_of_an_exchange(id: str) -> None:
    talk = [
        message("user", "go"),
        message("assistant", "", [call(id, "my tool!")]),
        message("tool", parts=[result(id)]),
    ]
    check_chat(openai_request([], talk))
    check_anthropic(anthropic_request([], talk))
    assert openai_request([], talk)["messages"][1]["tool_calls"][0]["function"]["name"] == "my_tool_"
