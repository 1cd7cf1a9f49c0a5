"""Show sessions in shells: session.prompt and session.complete."""

from typing import Any

import pytest

from segue.shell.prompt_text import age, escape
from tests.support.inprocess import Server
from tests.support.wire import Wire

HERE = "/srv/here"


def prompt(wire: Wire, shell: str = "plain", **params: Any) -> Any:
    return wire.call("session.prompt", **{"working_dir": HERE, "shell": shell, **params})


def test_prompt_is_empty_without_a_session_to_continue(wire: Wire) -> None:
    assert prompt(wire) == ""
    wire.call("session.create", id="s", working_dir=HERE)
    wire.call("session.end", session_id="s")
    assert prompt(wire) == ""


def test_prompt_shows_name_messages_age_and_id(wire: Wire, server: Server) -> None:
    wire.call("session.create", id="s", working_dir=HERE, name="sorting dicts")
    wire.call("message.append", session_id="s", role="user", content="x")
    assert prompt(wire) == "sorting dicts (1, 0s) "
    server.clock.pass_time(3_600_000)
    assert (
        prompt(wire, format="{id}|{messages}|{age}|{name}|{other}|%F{green}")
        == "s|1|1h|sorting dicts|{other}|%F{green}"
    )
    server.clock.pass_time(3 * 3_600_000)
    assert prompt(wire) == ""


def test_prompt_shows_no_generated_date_and_the_id_without_a_name(wire: Wire) -> None:
    wire.call("session.create", id="s", working_dir=HERE)
    assert prompt(wire, format="{name}") == "s"
    wire.call("message.append", session_id="s", role="user", content="sort the dicts")
    assert prompt(wire, format="{name}") == "sort the dicts"
    assert " - 20" in wire.call("session.get", session_id="s")["name"]


def test_prompt_changes_nothing(wire: Wire) -> None:
    wire.call("session.create", id="s", working_dir=HERE)
    wire.call("session.end", session_id="s", status="crashed")
    before = wire.call("session.get", session_id="s")
    assert prompt(wire, format="{name}") == "s"
    assert wire.call("session.get", session_id="s") == before


def test_prompt_continues_a_project(wire: Wire) -> None:
    wire.call("session.create", id="s", working_dir="/srv/other", project="/srv")
    assert prompt(wire, project="/srv") == ""
    assert prompt(wire, project="/srv", scope="project", format="{id}") == "s"


HOSTILE = "$(x)`x`%n\\e!{age}\"'\u202e;é"


@pytest.mark.parametrize(
    ("shell", "shown"),
    [
        ("zsh", "＄(x)ˋxˋ%%n＼e！{age}\"';é"),  # noqa: RUF001
        ("bash", "＄(x)ˋxˋ%n＼e！{age}\"';é"),  # noqa: RUF001
        ("fish", "$(x)`x`%n\\e!{age}\"';é"),
        ("plain", "$(x)`x`%n\\e!{age}\"';é"),
    ],
)
def test_name_is_inert_in_the_shell(wire: Wire, shell: str, shown: str) -> None:
    wire.call("session.create", id="s", working_dir=HERE, name=HOSTILE)
    assert prompt(wire, shell, format="{name}") == shown
    [row] = wire.call("session.complete", shell=shell)["rows"]
    assert row == {"id": "s", "text": f"{shown}, 0s ago"}


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("abcdef", 3, "abc"),
        ("你好吗", 4, "你好"),
        ("你好吗", 5, "你好"),
        ("e\u0301e\u0301", 1, "e\u0301"),
        ("😀😀", 2, "😀"),
        ("a$b", 2, "a"),
        ("a%b", 2, "a%%"),
        ("abc", 0, ""),
        ("a\x07\x9b\u2066b\ud800c", 9, "abc"),
    ],
)
def test_text_is_cut_by_display_width(text: str, columns: int, shown: str) -> None:
    assert escape(text, "zsh", columns) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86400, "1d")]
)
def test_age_has_its_largest_unit(seconds: int, shown: str) -> None:
    assert age(seconds) == shown


def test_complete_finds_memories_and_methods(wire: Wire) -> None:
    for fact in ("Ships on Fridays", "prefers tabs $(x)", "ships daily"):
        wire.call("memory.save", fact=fact, category="fact", importance=3)
    wire.call("memory.save", fact="never ships", category="fact", importance=3, supersedes=1)

    def rows(kind: str, prefix: str, **more: Any) -> list[dict[str, str]]:
        found: list[dict[str, str]] = wire.call("session.complete", kind=kind, prefix=prefix, shell="bash", **more)[
            "rows"
        ]
        return found

    assert [row["id"] for row in rows("memory", "")] == ["4", "3", "2"]
    assert [row["id"] for row in rows("memory", "SHIPS")] == ["4", "3"]
    assert rows("memory", "2") == [{"id": "2", "text": "prefers tabs \uff04(x)"}]
    assert rows("method", "daemon.p") == [
        {"id": "daemon.ping", "text": "Return \u02cbpong\u02cb. Does not read the database."}
    ]
    assert len(rows("method", "", limit=3)) == 3


def test_complete_finds_by_id_then_by_name_newest_first(wire: Wire) -> None:
    for id, name in (("abc", "one"), ("abd", "two abc"), ("x", "abs\nent"[:3]), ("y", None)):
        wire.call("session.create", id=id, **({"name": name} if name else {}))

    def ids(prefix: str, **more: Any) -> list[str]:
        rows = wire.call("session.complete", prefix=prefix, shell="bash", **more)["rows"]
        return [row["id"] for row in rows]

    assert ids("ab") == ["abd", "abc"]
    assert ids("abc") == ["abc"]
    assert ids("TWO") == ["abd"]
    assert ids("nothing") == []
    assert ids("") == ["y", "x", "abd", "abc"]
    assert ids("", limit=2) == ["y", "x"]
    assert wire.call("session.complete", prefix="y", shell="fish")["rows"][0]["text"] == "no name yet, 0s ago"
