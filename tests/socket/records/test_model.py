"""Thousands of random requests, with deletes, cleanups, closed connections and restarts between them.

Every answer is what a plain model in memory says (`tests/support/model/*.py`), and so is all that can be read
afterwards. A run has `--model-examples` conversations of some hundred requests each; `--model-seed=random` has others.
"""

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from segue.api import METHODS
from segue.config import Config, DaemonConfig, SessionConfig
from segue.errors import SegueError
from segue.store.stats import figures
from tests.support.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.disconnect import part, restart_cleanly
from tests.support.inprocess import Server, run_server
from tests.support.model import streams, world
from tests.support.model.memories import NOUNS, call
from tests.support.model.requests import ANY_REQUEST, REQUESTS, resolve
from tests.support.model.world import MAX_SESSIONS, Refused, Row, World
from tests.support.wire import Wire

STEPS = 25
CLIENTS = 2
CLIENT = st.integers(0, CLIENTS - 1)
CALLS = 12
"""The most requests of one step."""

ENOUGH_EXAMPLES = 100
"""Conversations in which each method also succeeds, whatever the seed."""

CONFIG = Config(
    session=SessionConfig(max_sessions=MAX_SESSIONS, auto_cleanup=False),
    daemon=DaemonConfig(durability="normal"),  # nothing is killed here, and the disk need not be waited for
)

FURNITURE: list[tuple[str, Row]] = [
    ("bot.create", {"bot_id": "ada"}),
    ("bot.create", {"bot_id": "bob"}),
    *(("session.create", {"id": id, "bot_id": bot}) for id, bot in (("s1", "ada"), ("s2", "default"), ("s3", "bob"))),
    *(("message.append", {"session_id": id, "role": "user", "content": id}) for id in ("s1", "s2", "s3") * 2),
    *(("extraction.enqueue", {"session_id": id}) for id in ("s1", "s2", "s3")),
    ("memory.save", {"session_id": "s1", "bot_id": "ada", "fact": "f", "category": "fact", "importance": 1}),
    ("memory.save", {"session_id": "s2", "fact": "f", "category": "fact", "importance": 1}),
]
"""What is there at first, so that few requests go astray."""

SPANS = [1, SECOND, MINUTE, 4 * MINUTE, HOUR, 4 * HOUR - 1, 4 * HOUR, DAY, 15 * DAY, 31 * DAY, -HOUR, -2 * DAY]
"""The clock also goes backwards; nothing may depend on that it does not."""

EVENTS = ["vanish"] * 3 + ["clean_up"] * 2 + ["clean_up_a_month_later", "restart", "look_over"]

_CALLS = st.lists(st.tuples(CLIENT, ANY_REQUEST), min_size=CALLS // 2, max_size=CALLS)
STEP = st.one_of(
    st.tuples(st.just("calls"), _CALLS),
    st.tuples(st.just("calls"), _CALLS),
    st.tuples(st.just("span"), st.sampled_from(SPANS)),
    st.tuples(st.just("event"), st.tuples(st.sampled_from(EVENTS), CLIENT)),
)

Tally = Counter[tuple[str, str]]
"""How often each method was asked, and with which outcome."""


class Machine(RuleBasedStateMachine):
    """A daemon and its model, asked the same."""

    def __init__(self, folder: Path, log: pytest.LogCaptureFixture, tally: Tally) -> None:
        super().__init__()
        self.open = ExitStack()
        self.server: Server = self.open.enter_context(run_server(folder, CONFIG, log))
        self.tally = tally
        self.observer = self.server.connect()
        self.wires = [self.server.connect() for _ in range(CLIENTS)]
        default = self.observer.call("bot.get", bot_id="default")
        self.world = World(now=self.server.clock.now, bots={"default": default})
        for method, params in FURNITURE:
            self.ask(0, method, resolve(self.world, params))

    @rule(step=STEP)
    def something_happens(self, step: tuple[str, Any]) -> None:
        """Run one rule with a choice in it: of several, Hypothesis leaves some out of most examples."""
        kind, what = step
        if kind == "calls":
            self.clients_ask(what)
        elif kind == "span":
            self.time_passes(what)
        else:
            self.event_happens(*what)
            self.look_over()

    def clients_ask(self, calls: list[tuple[int, tuple[str, Row]]]) -> None:
        for client, (method, params) in calls:
            self.ask(client, method, resolve(self.world, params))

    def time_passes(self, span: int) -> None:
        self.server.clock.jump(span)
        self.world.now = self.server.clock.now

    def event_happens(self, event: str, client: int) -> None:
        if event == "vanish":
            part(self.wires[client], self.observer)
            world.vanish(self.world, client)
            streams.interrupt(self.world, client)
            self.wires[client] = self.server.connect()
        elif event in ("clean_up", "clean_up_a_month_later"):
            self.time_passes(31 * DAY if event == "clean_up_a_month_later" else 0)
            self.ask(client, "session.cleanup", {"dry_run": True})
            self.ask(client, "session.cleanup", {})
        elif event == "restart":
            restart_cleanly(self.server)
            world.leave(self.world)
            streams.interrupt(self.world)
            self.observer = self.server.connect()
            self.wires = [self.server.connect() for _ in range(CLIENTS)]

    def teardown(self) -> None:
        try:
            self.look_over()
        finally:
            self.open.close()

    def ask(self, client: int, method: str, params: Row) -> None:
        """Send one request and compare the answer, whole, with the model's."""
        self.world.client = client
        answer: Any
        expected: Any
        try:
            expected = call(self.world, method, **params)
        except Refused as refused:
            expected = (refused.kind, refused.data)
        try:
            answer = self.wires[client].call(method, **params)
        except SegueError as error:
            answer = (error.kind, {name: value for name, value in error.data.items() if keeps(error, name)})
        self.tally[method, expected[0] if isinstance(expected, tuple) else "ok"] += 1
        assert answer == expected, (method, params)

    def look_over(self) -> None:
        """Check that everything that can be read is what the model holds, and that the file is sound."""
        looks: list[tuple[str, Row]] = [
            ("bot.list", {}),
            ("session.list", {"limit": 1000}),
            ("message.list", {"limit": 10000}),
            ("session.stats", {"tz": "Pacific/Auckland"}),
            ("session.stats", {"group_by": "model"}),
            ("extraction.list", {"include_exhausted": True, "limit": 1000}),
        ]
        looks += [("memory.list", {"bot_id": id, "include_superseded": True, "limit": 1000}) for id in self.world.bots]
        for id in self.world.sessions:
            looks += [(name, {"session_id": id}) for name in ("session.get", "summary.latest", "context.build")]
        answers = batch(self.observer, [*looks, ("daemon.check", {"full": True}), ("daemon.status", {})])
        for (method, params), answer in zip(looks, answers, strict=False):
            assert answer == call(self.world, method, **params), (method, params)
        assert answers[-2] == {"ok": True, "problems": []}
        counted = answers[-1]["database"]
        assert (counted["sessions"], counted["messages"]) == (len(self.world.sessions), len(self.world.messages))


def keeps(error: SegueError, name: str) -> bool:
    """Return True if that part of an error's data is a value; the reason of a wrong parameter is words."""
    return (error.kind, name) != ("invalid_params", "reason")


def batch(wire: Wire, requests: list[tuple[str, Row]]) -> list[Any]:
    """Return the results of many requests in one line, without the check against the schema, which takes long."""
    items = [{"jsonrpc": "2.0", "id": id, "method": name, "params": row} for id, (name, row) in enumerate(requests)]
    return [answer["result"] for answer in wire.ask(json.dumps(items).encode())]


def test_every_method_of_the_nouns_is_driven() -> None:
    others = {f"session.{verb}" for verb in ("complete", "export", "import", "prompt", "restore")} | {"message.search"}
    assert {name for name in METHODS if name.partition(".")[0] in NOUNS} - others == set(REQUESTS)


def test_the_daemon_answers_as_the_plain_model_does(
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
    model_seed: int,
    model_examples: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tally: Tally = Counter()
    # So that figures are kept of the few messages of a conversation too.
    monkeypatch.setattr(figures, "LAG", 2)
    monkeypatch.setattr(figures, "SLICE_MESSAGES", 3)

    @seed(model_seed)
    def machine() -> Machine:
        return Machine(tmp_path_factory.mktemp("model"), caplog, tally)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]  # any callable that makes one will do
        settings=settings(
            max_examples=model_examples,
            stateful_step_count=STEPS,
            derandomize=False,  # the seed decides
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if model_examples >= ENOUGH_EXAMPLES:
        assert {name for name, outcome in tally if outcome == "ok"} == set(REQUESTS), "each also succeeds at times"
