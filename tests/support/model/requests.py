"""Requests for the property test: of every method, with ids that are chosen from what there is when they are sent."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.support.model.world import Row, World, messages_of

CHOICES = 60
"""Of so many numbers, a few choose what is deleted or never was."""


FEW = 3
"""Half of the numbers choose among so many, so that things happen to one another."""


class Pick(NamedTuple):
    """One of the things of that kind, by a number that is taken modulo how many there are when it is sent."""

    kind: str
    number: int


class Near(NamedTuple):
    """What a request names already, so that its other ids are mostly of the same session and bot."""

    session_id: str = ""
    bot_id: str = "default"


def resolve(world: World, params: Any, near: Near = Near()) -> Any:  # noqa: B008 - a value
    """Return the parameters with an id in the place of each Pick."""
    if isinstance(params, Pick):
        return _choose(world, params, near)
    if isinstance(params, list):
        return [resolve(world, one, near) for one in params]
    if not isinstance(params, dict):
        return params
    found: Row = {}
    for name, value in sorted(params.items(), key=lambda item: item[0] not in OWNERS):
        found[name] = resolve(world, value, near)
        if name in OWNERS:
            near = _owner(world, name, found[name], near)
    return found


OWNERS = ("extraction_id", "session_id", "bot_id")


def _owner(world: World, name: str, id: Any, near: Near) -> Near:
    if name == "extraction_id":
        return next((Near(one["session_id"], one["bot_id"]) for one in world.extractions if one["id"] == id), near)
    return near._replace(**{name: id})


def _choose(world: World, pick: Pick, near: Near) -> str | int:
    messages, memories = messages_of(world, near.session_id), world.memories
    mine = [one["id"] for one in memories if (one["bot_id"], one["superseded_by"]) == (near.bot_id, None)]
    ids: dict[str, list[Any]] = {
        "session": list(world.sessions),
        "bot": list(world.bots),
        "message": [one["id"] for one in messages or world.messages],
        "stream": list(world.streams),
        "memory": [one["id"] for one in memories],
        "current": mine[-1:],
        "extraction": [one["id"] for one in world.extractions],
        "moment": [one["created_at"] for one in world.messages],
        "change": [world.sessions[near.session_id]["updated_at"]] if near.session_id in world.sessions else [],
        "last": [max((one["id"] for one in messages), default=0)],
    }
    found = ids[pick.kind]
    if found and pick.number < CHOICES - 4:
        few = found[:FEW] if pick.number % 2 else found
        chosen: str | int = few[pick.number // 2 % len(few)]
        return chosen
    if pick.kind == "session" and world.gone and pick.number % 2:
        return min(world.gone)
    if pick.kind == "message" and world.messages and pick.number % 2:
        return int(world.messages[pick.number % len(world.messages)]["id"])
    if pick.kind in ("moment", "change"):
        return world.at
    return "nope" if pick.kind in ("session", "bot") else pick.number * 1000 + 7


def picks(kind: str) -> st.SearchStrategy[Pick]:
    return st.builds(Pick, st.just(kind), st.integers(0, CHOICES - 1))


def some(required: Row | None = None, /, **optional: Any) -> st.SearchStrategy[Row]:
    """Return parameters of which the optional ones may be left out."""
    return st.fixed_dictionaries(required or {}, optional=optional)


SESSION, BOT, MESSAGE, MEMORY, EXTRACTION = map(picks, ("session", "bot", "message", "memory", "extraction"))
STREAM = picks("stream")
DIRECTORY = st.sampled_from(["/a", "/b", "/a/c"])
TEXT = st.text(st.sampled_from("ab \n\té😀\x07_%"), max_size=40)
NAME = st.sampled_from(["n", "Straße", "100%", "a_b", "x" * 255])
TOKENS = st.integers(0, 50)
STATUS = st.sampled_from(["active", "completed", "crashed"])
METADATA = st.sampled_from([{}, {"a": 1}, {"b": [None, {"c": 0.5}]}])
LIMIT = st.integers(1, 8)
OFFSET = st.integers(0, 4)

DRAFT = {
    "parts": st.sampled_from([[], [{"type": "text", "text": "p"}]]), "token_count": TOKENS, "input_tokens": TOKENS,
    "output_tokens": TOKENS, "model": NAME, "stop_reason": NAME, "response_ms": TOKENS, "metadata": METADATA,
    "key": st.sampled_from(["k1", "k2", "k3"]), "indexed": st.booleans(), "created_at": picks("moment"),
}  # fmt: skip
ROLE = st.sampled_from(["user", "assistant", "system", "tool"])
SPEAKER = st.sampled_from(["assistant", "system", "tool", "developer", "function", "model"])
"""Not the user, because several streams that end together name their session in any order."""
GIVEN_ROLE = ROLE | st.sampled_from(["developer", "function", "model"])
SPOKEN = some({"role": GIVEN_ROLE, "content": st.sampled_from(["", "x"]) | TEXT}, **DRAFT)
COMPACTED = some(
    {
        "role": st.sampled_from(["system", "system", "system", "user"]),
        "content": TEXT,
        "is_summary": st.sampled_from([True]),
    }
)
MESSAGES = st.one_of(SPOKEN, SPOKEN, SPOKEN, SPOKEN, COMPACTED)

MEMORIES = some(
    {
        "fact": TEXT, "importance": st.integers(1, 5),
        "category": st.sampled_from(["preference", "fact", "decision", "context", "correction"]),
    },
    source_message_id=MESSAGE, supersedes=st.one_of(picks("current"), picks("current"), MEMORY),
    is_manual=st.booleans(),
)  # fmt: skip

TERMINAL = st.sampled_from(["t1", "t2"])
PLACE: dict[str, Any] = {
    "project": st.sampled_from(["/p", "/q"]), "scope": st.sampled_from(["directory", "project"]), "terminal": TERMINAL,
}  # fmt: skip
TAGS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3)
OWN = {
    "project": PLACE["project"], "tags": TAGS, "parent_id": picks("session"),
    "retention_days": st.sampled_from([0, 1, 60]),
}  # fmt: skip
KEYS = {"on_key": st.sampled_from(["conflict", "keep", "replace"])}
CREATE: dict[str, Any] = {
    "create": st.booleans() | st.fixed_dictionaries({}, optional={"name": st.just("made"), **OWN})
}

FRESH = {"name": NAME, "provider": NAME, "model": NAME, "system_prompt": TEXT}


def together(one: st.SearchStrategy[Row], other: st.SearchStrategy[Row]) -> st.SearchStrategy[Row]:
    return st.builds(lambda some, more: {**some, **more}, one, other)


def of(name: str, what: st.SearchStrategy[Any], /, **optional: Any) -> st.SearchStrategy[Row]:
    return some({name: what}, **optional)


IN_SESSION = of("session_id", SESSION, expected_last_id=picks("last"), **KEYS, **CREATE)
IN_PLACE = of("working_dir", DIRECTORY, bot_id=BOT, expected_last_id=st.just(0), **KEYS, **PLACE)

REQUESTS: dict[str, st.SearchStrategy[Row]] = {
    "bot.create": of("bot_id", st.sampled_from(["ada", "bob", "default"]), name=NAME, description=TEXT),
    "bot.get": of("bot_id", BOT),
    "bot.list": some(limit=LIMIT, offset=OFFSET),
    "bot.delete": of("bot_id", BOT),
    "session.resolve": of("working_dir", DIRECTORY, bot_id=BOT, create=st.booleans(), **FRESH, **PLACE),
    "session.create": some(
        id=st.sampled_from(["s1", "s2", "s3"]), working_dir=DIRECTORY, bot_id=BOT, pinned=st.booleans(),
        metadata=METADATA, created_at=picks("moment"), **FRESH, **OWN,
    ),
    "session.get": of("session_id", SESSION),
    "session.list": some(
        working_dir=DIRECTORY, bot_id=BOT, status=STATUS, id_prefix=st.sampled_from(["s", "2026", "_", ""]),
        name_contains=st.sampled_from(["STRASSE", "%", "_", "a", ""]), pinned=st.booleans(),
        order_by=st.sampled_from(["last_message_at", "created_at", "updated_at"]), limit=LIMIT, offset=OFFSET,
        preview_chars=st.sampled_from([0, 1, 7, 1000]), archived=st.sampled_from([True, False, None]), tags=TAGS,
        metadata=METADATA, with_metadata=st.booleans(), source=st.just(""), parent_id=SESSION, project=PLACE["project"],
    ),
    "session.update": of(
        "session_id", SESSION, working_dir=DIRECTORY | st.none(), pinned=st.booleans(), metadata=METADATA | st.none(),
        metadata_merge=st.sampled_from([{}, {"a": None}, {"b": {"c": 1}, "d": [1]}]), archived=st.booleans(),
        expected_updated_at=picks("change"),
        **{name: strategy | st.none() for name, strategy in {**FRESH, **OWN}.items()},
    ),
    "session.stats": some(
        since=picks("moment"), until=picks("moment"), working_dir=DIRECTORY, project=PLACE["project"],
        group_by=st.sampled_from(["day", "week", "month", "model", "tool", "project"]), source=st.just(""),
        tz=st.sampled_from(["UTC", "Asia/Kathmandu", "America/St_Johns"]),
    ),
    "session.touch": of("session_id", SESSION),
    "session.resume": of("session_id", SESSION, working_dir=DIRECTORY),
    "session.attach": of("session_id", SESSION),
    "session.detach": of("session_id", SESSION),
    "session.end": of("session_id", SESSION, status=st.sampled_from(["completed", "crashed"])),
    "session.fork": of("session_id", SESSION, upto_message_id=MESSAGE, name=NAME),
    "session.delete": of("session_id", SESSION),
    "session.cleanup": some(dry_run=st.booleans(), within_days=st.sampled_from([0, 1, 40])),
    "message.append": together(st.one_of(IN_SESSION, IN_SESSION, IN_PLACE), MESSAGES),
    "message.begin": together(st.one_of(IN_SESSION, IN_PLACE), some({"role": SPEAKER}, content=TEXT, **DRAFT)),
    "message.delta": some({"message_id": st.one_of(STREAM, STREAM, STREAM, MESSAGE), "text": TEXT}),
    "message.finish": of(
        "message_id", st.one_of(STREAM, STREAM, STREAM, MESSAGE), content=TEXT, parts=DRAFT["parts"], model=NAME,
        stop_reason=NAME, token_count=TOKENS, output_tokens=TOKENS, response_ms=TOKENS, metadata=METADATA,
    ),
    "message.append_many": together(IN_SESSION, of("messages", st.lists(MESSAGES, max_size=4))),
    "message.list": some(
        session_id=SESSION, after_id=MESSAGE, before_id=MESSAGE, roles=st.lists(ROLE, max_size=2), limit=LIMIT,
        since=picks("moment"), offset=OFFSET, order=st.sampled_from(["asc", "desc"]), around_id=MESSAGE,
        keys=st.lists(DRAFT["key"], max_size=2), key_prefix=st.sampled_from(["k", "k1", "x"]),
    ),
    "message.get": of("message_id", MESSAGE),
    "message.count": of("session_id", SESSION),
    "message.update": of(
        "message_id", MESSAGE, content=TEXT, parts=DRAFT["parts"] | st.none(), metadata=METADATA | st.none(),
        model=NAME | st.none(), token_count=TOKENS | st.none(), output_tokens=TOKENS | st.none(),
    ),
    "message.delete": st.one_of(
        some({"session_id": SESSION, "message_ids": st.lists(MESSAGE, max_size=3)}),
        some({"session_id": SESSION, "keys": st.lists(DRAFT["key"], max_size=2)}),
    ),
    "message.replace": together(
        st.one_of(
            some({"session_id": SESSION, "from_id": MESSAGE}),
            some({"session_id": SESSION, "last": st.integers(0, 4)}),
        ),
        some(
            messages=st.lists(MESSAGES, max_size=3), expected_last_id=picks("last"), key=st.just("r1"),
            return_removed=st.booleans(), **CREATE,
        ),
    ),
    "message.delete_before": some({"session_id": SESSION, "before_id": MESSAGE}),
    "summary.save": some(
        {
            "session_id": SESSION, "summary": TEXT, "messages_start": MESSAGE, "messages_end": MESSAGE,
            "token_count": TOKENS,
        }
    ),
    "summary.latest": of("session_id", SESSION),
    "context.build": of("session_id", SESSION, max_tokens=st.integers(0, 200), memory_limit=st.integers(0, 5)),
    "memory.save": together(some(bot_id=BOT, session_id=SESSION), MEMORIES),
    "memory.get": of("memory_id", MEMORY),
    "memory.list": some(
        bot_id=BOT, session_id=SESSION, include_superseded=st.booleans(), limit=LIMIT, offset=OFFSET,
        category=st.sampled_from(["fact", "context"]),
    ),
    "memory.delete": of("memory_id", MEMORY),
    "memory.delete_all": of("bot_id", BOT),
    "extraction.enqueue": of("session_id", SESSION),
    "extraction.list": some(bot_id=BOT, include_exhausted=st.booleans(), limit=LIMIT, offset=OFFSET),
    "extraction.claim": some(bot_id=BOT, limit=LIMIT, lease_seconds=st.sampled_from([1, 60, 86400])),
    "extraction.complete": some({"extraction_id": EXTRACTION, "memories": st.lists(MEMORIES, max_size=3)}),
    "extraction.fail": some({"extraction_id": EXTRACTION, "error": TEXT}),
    "extraction.delete": of("extraction_id", EXTRACTION),
}  # fmt: skip

OFTEN = ["message.append"] * 8 + ["message.append_many", "session.create", "session.resolve", "session.fork"] * 2
OFTEN += ["memory.save", "summary.save"] * 4 + ["extraction.enqueue", "extraction.claim", "extraction.complete"] * 2
OFTEN += ["message.begin", "message.delta", "message.finish"] * 3
OFTEN += ["session.attach", "session.end", "session.resume", "context.build", "extraction.fail", "memory.delete"] * 2

ANY_REQUEST = st.sampled_from([*OFTEN, *REQUESTS]).flatmap(lambda name: st.tuples(st.just(name), REQUESTS[name]))
