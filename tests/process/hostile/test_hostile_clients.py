"""Clients that never read, send byte by byte, stop in the middle or connect in large numbers delay no other client."""

import threading

from tests.support.counters import tried
from tests.support.deadline import wait_until
from tests.support.hostile.attack import MEBIBYTE, SESSION, Attack, request, send_until_stuck

STUCK = 20
LINGERING = 200
LIMIT = 512
"""The default of `limits.clients`, which includes the well-behaved client."""

BLOCK = 1000
"""Pings that are sent together, and responses that are compared together."""


def test_the_daemon_stops_reading_from_clients_that_never_read(attack: Attack) -> None:
    rows = [{"role": "assistant", "content": "x" * 10_000}] * 100
    attack.polite.wire.call("session.create", id="big")
    attack.polite.wire.call("message.append_many", session_id="big", messages=rows)
    line = request(1, "message.list", '{"session_id":"big"}').rstrip() + b" " * 20_000 + b"\n"
    stuck = [attack.attacker() for _ in range(STUCK)]
    taken = send_until_stuck(stuck, line, most=64 * MEBIBYTE)
    assert min(taken) > len(line)
    for _ in range(20):
        attack.polite.append()
    assert attack.polite.wire.call("daemon.status")["clients"] == STUCK + 1


def test_a_line_sent_byte_by_byte_is_answered(attack: Attack) -> None:
    slow = attack.attacker()
    for byte in request('"slow"', "daemon.ping"):
        attack.polite.append()
        slow.send(bytes([byte]))
    assert slow.answer() == {"jsonrpc": "2.0", "result": "pong", "id": "slow"}


def test_a_response_read_byte_by_byte_is_complete(attack: Attack) -> None:
    slow = attack.attacker()
    slow.send(request(7, "daemon.ping"))
    read = bytearray()
    while not read.endswith(b"\n"):
        attack.polite.append()
        read += slow.socket.recv(1)
    assert bytes(read) == b'{"jsonrpc":"2.0","result":"pong","id":7}\n'


def test_many_pings_on_one_connection_are_each_answered_in_order(attack: Attack, pings: int) -> None:
    wire = attack.attacker()

    def send() -> None:
        for start in range(0, pings, BLOCK):
            wire.send(b"".join(request(number, "daemon.ping") for number in range(start, start + BLOCK)))

    sender = threading.Thread(target=send)
    sender.start()
    with wire.socket.makefile("rb") as answers:
        for number in range(pings):
            assert answers.readline() == b'{"jsonrpc":"2.0","result":"pong","id":%d}\n' % number
            if number % 20_000 == 0:
                attack.polite.append()
    sender.join()
    tried("pings on one connection", pings)


def test_silent_clients_delay_no_other(attack: Attack) -> None:
    for number in range(LINGERING):
        lingering = attack.attacker()
        if number % 4 == 1:
            lingering.send(b'{"jsonrpc":"2.0","id":1,"meth')
        elif number % 4 == 2:
            lingering.send(b'{"jsonrpc":"2.0","id":1,"meth' + b"x" * 100_000)
        elif number % 4 == 3:
            lingering.send(request(1, "session.attach", f'["{SESSION}"]'))
    for _ in range(20):
        attack.polite.append()
    # The daemon accepts one connection per turn, so the appends may end before it has accepted all of them.
    wait_until(lambda: attack.polite.wire.call("daemon.status")["clients"] == LINGERING + 1)
    assert attack.polite.wire.call("session.get", session_id=SESSION)["status"] == "active"


def test_half_closed_clients_that_never_read_delay_no_other(attack: Attack) -> None:
    for _ in range(STUCK):
        half = attack.attacker()
        half.send(request(1, "rpc.discover") * 20)
        half.half_close()
    for _ in range(20):
        attack.polite.append()


def test_512_clients_are_served_and_the_next_is_overloaded(attack: Attack) -> None:
    crowd = [attack.attacker() for _ in range(LIMIT - 1)]
    for wire in crowd:
        wire.post("daemon.ping")
    assert [wire.answer()["result"] for wire in crowd] == ["pong"] * (LIMIT - 1)
    before = attack.polite.wire.call("daemon.status")["refused_clients"]
    for _ in range(10):
        (line,) = attack.attacker().rest()
        assert (line["id"], line["error"]["code"], line["error"]["data"]) == (None, -32001, {"kind": "overloaded"})
    attack.polite.append()
    assert attack.polite.wire.call("daemon.status")["refused_clients"] == before + 10
    crowd.pop().close()
    wait_until(lambda: attack.polite.wire.call("daemon.status")["clients"] == LIMIT - 1)
    assert attack.attacker().call("daemon.ping") == "pong"


def test_16_unread_subscriptions_become_one_reset_each(attack: Attack) -> None:
    stuck = attack.attacker()
    for _ in range(16):
        stuck.call("events.subscribe")
    stuck.post("events.subscribe")
    assert stuck.answer()["error"]["data"]["kind"] == "overloaded"
    before = attack.polite.wire.call("daemon.status")["dropped_subscribers"]
    attack.polite.wire.call("session.create", id="noisy")
    rows = [{"role": "assistant", "content": "x"}] * 1000
    for _ in range(13):
        attack.polite.wire.call("message.append_many", session_id="noisy", messages=rows)
    resets: set[str] = set()
    while len(resets) < 16:
        event = stuck.event()
        if event["kind"] == "reset":
            resets.add(event["subscription_id"])
    assert attack.polite.wire.call("daemon.status")["dropped_subscribers"] == before + 16


def test_subscriptions_added_and_removed_quickly_leave_nothing(attack: Attack) -> None:
    for _ in range(300):
        hasty = attack.attacker()
        hasty.send(request(1, "events.subscribe") * 5 + request(2, "events.unsubscribe", '["1"]'))
        hasty.close()
        attack.polite.append()
