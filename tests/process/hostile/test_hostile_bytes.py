"""Random bytes and clients that act at random: every response is JSON, and no stored message is lost."""

import json
import socket
from contextlib import suppress
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from tests.support.counters import ANSWERED, tried
from tests.support.deadline import wait_until
from tests.support.hostile.attack import Attack, request
from tests.support.wire import Wire

EXAMPLES = 300
MACHINES = 40
STEPS = 30

SPECIMENS = [
    b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}\n',
    b'[{"jsonrpc":"2.0","id":1,"method":"session.list"},5]\n',
    b'{"jsonrpc":"2.0","id":"\xc3\xa9","method":"message.list","params":{"limit":1}}\n',
    b'{"jsonrpc":"2.0","method":"events.subscribe","params":{"kinds":["message.appended"]}}\n',
]


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Draw a request with some of its bytes changed, removed or doubled."""
    line = bytearray(draw(st.sampled_from(SPECIMENS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(line) - 1)) if line else 0
        line[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(line)


def check_lines(lines: list[Any]) -> None:
    """Fail unless each line is a response, a batch or an event, and none is an internal error."""
    for line in lines:
        for one in line if isinstance(line, list) else [line]:
            assert one["jsonrpc"] == "2.0"
            assert ("method" in one) + ("result" in one) + ("error" in one) == 1
            assert one.get("error", {}).get("code") != -32603


@settings(max_examples=EXAMPLES)
@given(pieces=st.lists(st.one_of(st.binary(max_size=300), spoilt(), st.just(b"\n")), max_size=12))
def test_every_response_to_random_bytes_is_json(attack: Attack, pieces: list[bytes]) -> None:
    with Wire(attack.segued.socket) as wire:
        for piece in pieces:
            wire.send(piece)
        wire.half_close()
        check_lines(wire.rest())
    attack.polite.append()
    tried("streams of random or spoilt bytes")


class RandomClient:
    """A connection with its requests and its responses."""

    def __init__(self, attack: Attack) -> None:
        self.wire = attack.attacker()
        self.pending: list[int] = []
        self.is_inside_line = False
        self.talks = True

    def ask(self, line: bytes, id: int) -> None:
        if self.is_inside_line:
            self.wire.send(b"\n")
            self.is_inside_line = False
            self.pending.append(0)
        self.wire.send(line)
        self.pending.append(id)


class RandomClients(RuleBasedStateMachine):
    """Clients that connect, send requests or parts of them, subscribe, fall silent and disconnect, in any order."""

    clients = Bundle("clients")
    attack: Attack
    """Set by the test, because hypothesis creates the machine."""
    sent = 0
    """Appends that all machines sent: each is stored at most once."""
    stored: ClassVar[set[int]] = set()
    """The messages whose appends were answered."""

    @rule(target=clients)
    def come(self) -> RandomClient:
        return RandomClient(self.attack)

    @rule(client=clients, waits=st.booleans())
    def append(self, client: RandomClient, waits: bool) -> None:
        if client.talks:
            type(self).sent += 1
            client.ask(
                request(self.sent, "message.append", f'["random",null,"user","{self.sent}",null,null,null,null]'),
                self.sent,
            )
        if waits:
            self.listen(client)

    @rule(client=clients, amount=st.integers(1, 60))
    def begin_a_line(self, client: RandomClient, amount: int) -> None:
        if client.talks and not client.is_inside_line:
            client.wire.send(b'{"jsonrpc":"2.0","id":1,"method":"message.append","params":{}'[:amount])
            client.is_inside_line = True

    @rule(client=clients)
    def subscribe(self, client: RandomClient) -> None:
        if client.talks:
            client.ask(request(0, "events.subscribe"), 0)

    @rule(client=clients)
    def attach(self, client: RandomClient) -> None:
        if client.talks:
            client.ask(request(0, "session.attach", '["random"]'), 0)

    @rule(client=clients)
    def half_close(self, client: RandomClient) -> None:
        if client.talks:
            client.wire.half_close()
            client.talks = False

    def listen(self, client: RandomClient) -> None:
        while client.pending:
            id, answer = client.pending.pop(0), client.wire.answer()
            check_lines([answer])
            if id:
                assert answer["id"] == id
                self.stored.add(answer["result"]["message_id"])

    @rule(client=consumes(clients))
    def vanish(self, client: RandomClient) -> None:
        client.wire.close()

    @rule(client=consumes(clients))
    def vanish_immediately(self, client: RandomClient) -> None:
        with suppress(OSError):
            client.wire.socket.shutdown(socket.SHUT_RDWR)
        client.wire.close()

    @invariant()
    def the_polite_client_is_served(self) -> None:
        self.attack.polite.append()

    def teardown(self) -> None:
        self.attack.leave()


def test_answered_appends_are_stored_once_and_others_at_most_once(attack: Attack) -> None:
    RandomClients.attack, RandomClients.sent, RandomClients.stored = attack, 0, set()
    wire = attack.polite.wire
    wire.call("session.create", id="random")
    run_state_machine_as_test(RandomClients, settings=settings(max_examples=MACHINES, stateful_step_count=STEPS))
    wait_until(lambda: wire.call("daemon.status")["clients"] == 1)
    messages = wire.call("message.list", session_id="random", limit=10_000)["messages"]
    contents = [json.loads(message["content"]) for message in messages]
    assert len(set(contents)) == len(contents)
    assert RandomClients.stored <= {message["id"] for message in messages}
    assert set(contents) <= set(range(1, RandomClients.sent + 1))
    assert len(RandomClients.stored) > MACHINES // 4
    tried(ANSWERED, len(RandomClients.stored))
