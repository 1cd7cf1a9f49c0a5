"""Names and summaries of sessions: they complete the words of a message, and find the session itself."""

from tests.socket.search.calls import append, find, snippet
from tests.support.inprocess import Server
from tests.support.wire import Wire


def sessions(wire: Wire, query: str, **more: object) -> list[str]:
    return [session["id"] for session in wire.call("message.search", query=query, **more)["sessions"]]


def test_a_real_hit_is_not_hidden_by_a_session_of_that_name(wire: Wire) -> None:
    append_to = {"working_dir": "/srv/zebraA", "role": "user", "content": "fix the zebra importer"}
    made = wire.call("message.append", **append_to)
    named = wire.call("session.create", working_dir="/srv/zebraB", name="zebra")["id"]
    wire.call("message.append_many", session_id=named, messages=[{"role": "assistant", "content": "ok"}] * 1000)
    page = wire.call("message.search", query="zebra")
    assert [hit["message_id"] for hit in page["hits"]] == [made["message_id"]]
    assert page["total"] == 1
    assert [session["id"] for session in page["sessions"]] == [named, made["session_id"]]
    assert page["sessions"][0]["preview"] == "ok"


def test_text_and_name_hold_all_words_together(wire: Wire) -> None:
    session = wire.call("session.create", name="Quarterly report")["id"]
    one, two = append(wire, session, "numbers first"), append(wire, session, "numbers again")
    assert find(wire, "quarterly") == find(wire, "quarterly report") == find(wire, '"quarterly report"') == []
    assert find(wire, "numbers quarterly") == [two, one]
    assert find(wire, "report first") == [one]
    assert find(wire, "first again") == []
    assert find(wire, '"again quarterly"') == []
    assert snippet(wire, "report again") == "numbers [again]"
    assert sessions(wire, "QUARTERLY rep*") == [session]
    assert sessions(wire, "quarterly numbers") == []


def test_a_new_name_is_seen_immediately_and_the_old_one_no_more(wire: Wire) -> None:
    session = wire.call("session.create", name="Before")["id"]
    many = [{"role": "user", "content": f"entry {index}"} for index in range(150)]
    made = wire.call("message.append_many", session_id=session, messages=many)["message_ids"]
    assert len(find(wire, "before entry")) == 150
    assert sessions(wire, "before") == [session]
    wire.call("session.update", session_id=session, name="After")
    last = append(wire, session, "entry last")
    assert sorted(find(wire, "after entry")) == [*made, last]
    assert (find(wire, "before entry"), sessions(wire, "before")) == ([], [])
    assert sessions(wire, "after") == [session]
    wire.call("session.update", session_id=session, name=None)
    assert (find(wire, "after entry"), sessions(wire, "after")) == ([], [])
    assert wire.call("daemon.check", full=True)["problems"] == []


def test_the_date_of_a_generated_name_is_not_searched(server: Server, wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    append(wire, session, "Aardvark care")
    append(wire, session, "other")
    name = wire.call("session.get", session_id=session)["name"]
    assert name.startswith("Aardvark care - 2026-")
    assert sessions(wire, "aardvark") == [session]
    assert len(find(wire, "aardvark other")) == 1
    assert (find(wire, "2026"), find(wire, "other 2026"), sessions(wire, "2026")) == ([], [], [])


def test_a_session_without_messages_is_found_by_its_name_until_it_is_deleted(wire: Wire) -> None:
    one = wire.call("session.create", working_dir="/a", name="SessionRepository refactoring")["id"]
    two = wire.call("session.create", working_dir="/b", name="repository")["id"]
    assert sessions(wire, "repository") == [two, one]
    assert sessions(wire, "repository", working_dir="/a") == [one]
    assert sessions(wire, "repository", limit=1, offset=1) == []
    wire.call("session.delete", session_id=one)
    assert sessions(wire, "repository") == [two]
    assert wire.call("daemon.check", full=True)["problems"] == []


def test_a_summary_finds_its_session(wire: Wire) -> None:
    session = wire.call("session.create", name="plain")["id"]
    made = append(wire, session, "text")
    summary = {"messages_start": made, "messages_end": made, "token_count": 1}
    wire.call("summary.save", session_id=session, summary="about zebras and lions", **summary)
    assert sessions(wire, "zebras lions") == [session]
    assert sessions(wire, "plain zebras") == []
    wire.call("summary.save", session_id=session, summary="about elks", **summary)
    assert sessions(wire, "zebras lions") == []
    assert sessions(wire, "elks") == [session]


def test_at_most_20_sessions_are_given_newest_first(wire: Wire) -> None:
    made = [wire.call("session.create", name=f"zebra {number}")["id"] for number in range(25)]
    assert sessions(wire, "zebra") == made[:4:-1]
