"""The sessions of a person who works with several tools on three projects."""

from typing import Any

from tests.support.clock import DAY, HOUR, MINUTE, SECOND, HandClock
from tests.support.wire import Wire

HOME = "/home/ada/src"
HERE = f"{HOME}/webshop"

OLD = (
    ("claude", "claude-opus-4", "atlas", "Why does the map flicker when tiles load?", 26, 40),
    ("codex", "gpt-5.1", "atlas", "Draw contour lines from the height model", 14, 31),
    ("gemini", "gemini-3-pro", "atlas", "Compare three ways to store tiles offline", 9, 27),
    ("claude", "claude-opus-4", "dotfiles", "Make my prompt show the current conversation", 6, 24),
    ("codex", "gpt-5.1", "dotfiles", "tmux: 日本語のファイル名が崩れる", 8, 20),
    ("claude", "claude-sonnet-4", "webshop", "Explain this traceback from the payment worker", 12, 13),
    ("opencode", "qwen3-coder", "webshop", "Add an index for orders by customer", 31, 9),
    ("codex", "gpt-5.1", "webshop", "Write a test for refunds of partly shipped orders", 19, 6),
    ("claude", "claude-opus-4", "webshop", "Move the product search to SQLite FTS5", 42, 4),
)
"""Imported sessions: tool, model, project, first question, messages, days ago."""

OWN: tuple[dict[str, Any], ...] = (
    {"id": "0340-198", "name": "Release checklist 2.4", "project": "webshop", "pinned": True, "tags": ["release"]},
    {"id": "0340-201", "name": "Licence of the map data", "project": "atlas", "status": "completed"},
    {"id": "0340-207", "name": "Nightly import of prices", "project": "webshop", "status": "crashed"},
    {"id": "0340-212", "name": "Rounding of VAT", "project": "webshop", "tags": ["money"]},
)

QUERY = """The query reads every order, because `status` has no index:

```sql
CREATE INDEX orders_open ON orders (created_at)
WHERE status = 'open';
```

Three things changed in `orders/queries.py`:

1. The **partial index** holds only the open orders, about 2 % of all.
2. `open_orders()` asks for one page and not for all rows.
3. The count is kept in `daily_totals`.

| | before | after |
|---|---:|---:|
| page of open orders | 840 ms | 6 ms |
| size of the index | - | 1.2 MB |
"""

TALK: tuple[dict[str, Any], ...] = (
    {"role": "user", "content": "The page of open orders takes almost a second. Can you find out why?"},
    {"role": "assistant", "parts": [
        {"type": "tool_use", "id": "c1", "name": "Grep", "input": {"pattern": "def open_orders", "path": "orders"}},
    ]},
    {"role": "user", "parts": [{"type": "tool_result", "tool_use_id": "c1", "content": "orders/queries.py:41"}]},
    {"role": "assistant", "parts": [
        {"type": "tool_use", "id": "c2", "name": "Bash", "input": {"command": "sqlite3 shop.db '.expert'"}},
    ]},
    {"role": "user", "parts": [
        {"type": "tool_result", "tool_use_id": "c2", "is_error": True, "content": "no such table: orders"},
    ]},
    {"role": "assistant", "parts": [
        {"type": "tool_use", "id": "c3", "name": "Bash", "input": {"command": "pytest -q tests/orders"}},
    ]},
    {"role": "user", "parts": [
        {"type": "tool_result", "tool_use_id": "c3", "content": "38 passed in 2.14 s\n"},
    ]},
    {"role": "assistant", "content": QUERY, "output_tokens": 674, "input_tokens": 5575, "response_ms": 8400},
    {"role": "user", "content": "Does the index slow down new orders?\nThere are about 20 a second at noon."},
    {"role": "assistant", "content": "Hardly: a new order adds one entry of 12 bytes, some 4 µs. Measure it with "
     "`pytest tests/orders/test_load.py` before you deploy.", "output_tokens": 96, "input_tokens": 6310,
     "response_ms": 2100},
)  # fmt: skip


def fill(wire: Wire, clock: HandClock) -> None:
    """Store the sessions, the oldest first; the clock stands at the present afterwards."""
    present = clock.now + 60 * DAY
    for tool, model, project, question, count, days in OLD:
        _go_to(clock, present - days * DAY)
        place = {"working_dir": f"{HOME}/{project}", "project": f"{HOME}/{project}"}
        messages = [{"role": "user", "content": question, "key": "0"}]
        messages += [
            {"role": ("user", "assistant")[at % 2], "content": f"About {question.split()[-1]} {at}", "key": str(at)}
            for at in range(1, count)
        ]
        about = {**place, "model": model, "created_at": clock.at}
        source = {"tool": tool, "id": question}
        wire.call("session.import", source=source, session=about, messages=messages)
    for hours, about in zip((72, 48, 24, 7), OWN, strict=True):
        _go_to(clock, present - hours * HOUR)
        _own(wire, dict(about))
    _go_to(clock, present - 20 * MINUTE)
    _current(wire, clock)
    _go_to(clock, present)


def _go_to(clock: HandClock, moment: int) -> None:
    clock.pass_time(max(0, moment - clock.now))


def _own(wire: Wire, about: dict[str, Any]) -> None:
    project, status = f"{HOME}/{about.pop('project')}", about.pop("status", None)
    changes = {name: about.pop(name) for name in ("tags", "pinned") if name in about}
    wire.call("session.create", working_dir=project, project=project, model="claude-opus-4", **about)
    id, name = about["id"], about["name"]
    question = {"role": "user", "content": f"{name}: what is left to do?"}
    answer = {"role": "assistant", "content": f"Three points of **{name.lower()}** are open.", "model": "claude-opus-4"}
    wire.call("message.append_many", session_id=id, messages=[question, answer])
    if changes:
        wire.call("session.update", session_id=id, **changes)
    if status:
        wire.call("session.end", session_id=id, status=status)


def _current(wire: Wire, clock: HandClock) -> None:
    """Store the conversation of the directory, with a fork, tags and a memory."""
    id = "0340-249"
    about = {"id": id, "name": "Slow page of open orders", "model": "claude-opus-4", "provider": "anthropic"}
    wire.call("session.create", working_dir=HERE, project=HERE, **about)
    for number, message in enumerate(TALK):
        clock.pass_time((40 if number == 8 else 7) * SECOND)
        model = {"model": "claude-opus-4"} if message["role"] == "assistant" else {}
        wire.call("message.append", session_id=id, **message, **model)
    wire.call("session.update", session_id=id, tags=["perf", "orders"])
    fact = "Orders are archived after 90 days"
    wire.call("memory.save", fact=fact, category="fact", importance=4, session_id=id)
    newest = wire.call("message.list", session_id=id, order="desc", limit=1)["messages"][0]["id"]
    wire.call("session.fork", session_id=id, upto_message_id=newest - 2, name="The same with a materialized view")
    clock.pass_time(HOUR // 12)
    wire.call("message.append", session_id=id, role="user", content="And if an order is cancelled?")
    answer = "Then it leaves the index: `WHERE status = 'open'` no longer holds for it."
    wire.call("message.append", session_id=id, role="assistant", content=answer, model="claude-opus-4")
