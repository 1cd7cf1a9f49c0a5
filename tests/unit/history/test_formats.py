"""What a session becomes: parameters of an import, Markdown, and a brief for the next tool or person."""

from pathlib import Path

import msgspec
import pytest

from segue.conversation.parts import estimate_tokens, tool_calls, tool_results
from segue.history import html, markdown
from segue.history.convert import MAX_MESSAGE_BYTES, encode, session_params
from segue.history.records import HistoryMessage, HistorySession, ToolCall
from segue.workflows.handoff import brief, constraints, find_work, open_errors
from tests.support.system.repositories import create_repository
from tests.unit.history.histories import CORPORA, NOW, brief_file, briefs, bundle_of, message_params, read

LS = ToolCall(id="t1", name="Bash", arguments={"command": "ls"}, result="main.py", is_error=False)
FAILED = ToolCall(id="t2", name="Bash", arguments={"command": "cat x"}, result="Exit 1\ncat: no x", is_error=True)
EDIT = ToolCall(id="t3", name="Edit", arguments={"file_path": "/srv/a.py"}, result="done", is_error=False)


def session(*messages: HistoryMessage, **about: object) -> HistorySession:
    return msgspec.structs.replace(HistorySession(id="s", path="/p", messages=list(messages)), **about)


def user(text: str, key: str = "u", **more: object) -> HistoryMessage:
    return msgspec.structs.replace(HistoryMessage(key=key, role="user", text=text), **more)


def model(text: str, *calls: ToolCall, key: str = "a") -> HistoryMessage:
    return HistoryMessage(key=key, role="assistant", text=text, tool_calls=list(calls))


@pytest.mark.parametrize("corpus", sorted(CORPORA))
def test_the_briefs_of_real_histories_are_those_that_were_read(corpus: str) -> None:
    assert briefs(corpus) == brief_file(corpus).read_text(encoding="utf-8")


@pytest.mark.parametrize("corpus", sorted(CORPORA))
def test_every_session_has_a_document_with_all_texts(corpus: str) -> None:
    for found in read(corpus).values():
        document = markdown.render(bundle_of(found))
        assert all(one.text.strip() in document for one in found.messages if one.kind is None and not one.injected)


def test_the_results_of_calls_follow_as_a_message_of_the_tool() -> None:
    call, results = message_params(session(model("I'll look.", LS, FAILED)))
    assert [one.id for one in tool_calls(call["parts"])] == ["t1", "t2"]
    assert (results["key"], results["role"], results["content"]) == ("a:results", "tool", "")
    assert [(one.id, one.is_error) for one in tool_results(results["parts"])] == [("t1", False), ("t2", True)]


def test_text_of_the_harness_leaves_the_content_of_a_person() -> None:
    text = "<system-reminder>\nToday is Friday.\n</system-reminder>\n\nFix the importer."
    [message] = message_params(session(user(text)))
    assert message["content"] == "Fix the importer."
    assert message["parts"] == [{"type": "injected", "text": "<system-reminder>\nToday is Friday.\n</system-reminder>"}]
    assert "metadata" not in message


@pytest.mark.parametrize("found", [user("<system-reminder>x</system-reminder>"), user("ls", kind="command")])
def test_a_message_of_only_such_text_is_marked(found: HistoryMessage) -> None:
    [message] = message_params(session(found))
    assert message["metadata"]["injected"] is True


def test_a_message_without_a_possible_time_has_that_of_the_one_before() -> None:
    at, fast_clock = "2026-11-28T10:00:00.000Z", "2026-11-29T05:00:00.000Z"
    times = (at, None, "2031-01-01T00:00:00.000Z", "2026-02-31T00:00:00.000Z", fast_clock)
    several = [user("a", key=str(number), at=time) for number, time in enumerate(times)]
    assert [message["created_at"] for message in message_params(session(*several))] == [at] * 4 + [fast_clock]
    early = session(user("a", at="2031-01-01T00:00:00.000Z"), started_at="2031-01-01T00:00:00.000Z")
    assert "created_at" not in message_params(early)[0]
    assert "created_at" not in session_params(early, NOW)


@pytest.mark.parametrize("count", [1, 30])
def test_long_texts_are_cut_and_say_so_when_a_message_is_too_large(count: int) -> None:
    written = {"content": "é" * 5_000_000, "lines": ["x" * 5_000_000]}
    calls = [
        msgspec.structs.replace(LS, id=str(number), arguments=written, result="y" * 5_000_000)
        for number in range(count)
    ]
    for params in message_params(session(model("z" * 5_000_000, *calls))):
        data = encode(params)
        assert len(data) <= MAX_MESSAGE_BYTES
        texts = msgspec.json.decode(data)["parts"]
        assert len(texts) == count
        assert data.count("… [cut ".encode()) >= count
    small = message_params(session(user("x" * 3_000_000)))[0]
    assert encode(small) == msgspec.json.encode(small)


def test_a_title_becomes_a_name_of_the_contract() -> None:
    assert session_params(session(title="a\nb\x1b[31m" + "x" * 300), NOW)["name"] == ("a b [31m" + "x" * 300)[:255]
    assert "name" not in session_params(session(title=" \n"), NOW)
    assert "working_dir" not in session_params(session(directory="C:\\work"), NOW)


def test_a_session_of_a_repository_on_this_machine_has_its_project(tmp_path: Path) -> None:
    create_repository(tmp_path / "main")
    (tmp_path / "main" / "sub").mkdir()
    found = session_params(session(directory=str(tmp_path / "main" / "sub")), NOW)
    assert found["project"] == str(tmp_path / "main")
    for directory in (str(tmp_path), str(tmp_path / "main" / "gone"), "/nul\0/\ud800", "relative", None):
        assert "project" not in session_params(session(directory=directory), NOW)


@pytest.mark.parametrize("text", ["```\ncode", "````\n```\ncode", "~~~ python\ncode"])
def test_a_fence_that_is_open_is_closed(text: str) -> None:
    document = markdown.render(bundle_of(session(model(text), user("next", key="2"))))
    fence = text[: text.index("\n")].split()[0]
    assert f"code\n{fence}\n\n## User" in document


def test_a_fence_is_longer_than_those_in_its_text() -> None:
    assert markdown.fenced("a ```` b") == "`````\na ```` b\n`````"


def test_work_is_found_in_calls() -> None:
    bundle = bundle_of(session(model("", LS, FAILED, EDIT, key="1"), model("", EDIT, key="2")))
    work = find_work(bundle.messages)
    assert (work.changed, [command.failed for command in work.commands]) == (["/srv/a.py"], [False, True])
    assert [command.line for command in open_errors(work.commands)] == ["cat x"]


def test_an_error_that_a_later_run_resolved_is_not_open() -> None:
    passed = msgspec.structs.replace(FAILED, id="t4", is_error=False)
    bundle = bundle_of(session(model("", FAILED, key="1"), model("", passed, key="2")))
    assert open_errors(find_work(bundle.messages).commands) == []


def test_constraints_are_sentences_that_order_or_forbid() -> None:
    said = [
        "Sort the list. Don't use pandas! Should it be fast?\nAlways keep the order",
        "Never mind. Don't use pandas!",
    ]
    assert constraints(said) == ["Don't use pandas!", "Always keep the order", "Never mind."]


@pytest.mark.parametrize("budget", [0, 200, 2000, 20_000])
def test_a_brief_keeps_its_budget(budget: int) -> None:
    long = session(*(user(f"Do step {number}. " + "word " * 100, key=str(number)) for number in range(200)))
    bundle = bundle_of(long)
    text = brief(bundle.session, bundle.messages, budget)
    assert estimate_tokens(text, None) <= max(budget, 250) * 1.1
    assert "Do step 199" in text


def test_a_document_has_the_name_without_its_generated_date_and_else_the_id() -> None:
    bundle = bundle_of(session(user("Sort a dict", at="2026-11-28T03:44:00.000Z")))
    for name, shown in (("Sort a dict - 2026-11-28_03-44", "Sort a dict"), (None, bundle.session["id"])):
        bundle.session["name"] = name
        documents = markdown.render(bundle), html.render(bundle), brief(bundle.session, bundle.messages, 200)
        for document, heading in zip(documents, ("# {}\n", "<h1>{}</h1>", "# Handoff: {}\n"), strict=True):
            assert heading.format(shown) in document.replace("\\", "")
