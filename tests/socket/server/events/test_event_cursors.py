"""Event cursors, resets and the delivery to clients that read slowly or not at all."""

import pytest

from segue.errors import Overloaded
from tests.socket.server.events.conftest import append
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_a_cursor_continues_after_its_event(server: Server, wire: Wire, session: str, follower: Wire) -> None:
    ids = [append(wire, session)["message_id"] for _ in range(3)]
    cursors = [follower.event()["cursor"] for _ in ids]
    again = server.connect()
    assert again.call("events.subscribe", cursor=cursors[0])["cursor"] == cursors[0]
    ids.append(append(wire, session)["message_id"])
    assert [again.event()["data"]["id"] for _ in range(3)] == ids[1:]
    late = server.connect()
    late.call("events.subscribe", cursor=cursors[2])
    assert late.event()["data"]["id"] == ids[3]


def test_the_cursor_of_subscribe_misses_no_later_event(server: Server, wire: Wire, session: str) -> None:
    cursor = server.connect().call("events.subscribe")["cursor"]
    ids = [append(wire, session)["message_id"] for _ in range(3)]
    late = server.connect()
    late.call("events.subscribe", cursor=cursor)
    assert [late.event()["data"]["id"] for _ in ids] == ids


@pytest.mark.parametrize("cursor", ["", "-", "0", "nonsense", "a-1", "{boot}-", "{boot}--1", "{boot}-1x", "{boot}-٣",
                                    "{boot}-999", "{boot}-" + "9" * 5000])  # fmt: skip
def test_an_unknown_cursor_gives_one_reset_and_then_new_events(
    server: Server, wire: Wire, session: str, cursor: str
) -> None:
    current = wire.call("events.subscribe")["cursor"]
    follower = server.connect()
    given = cursor.replace("{boot}", current.rpartition("-")[0])
    subscribed = follower.call("events.subscribe", cursor=given, kinds=["message.appended"], session_id=session)
    assert subscribed["cursor"] == given
    assert follower.event() == {
        "subscription_id": subscribed["subscription_id"], "cursor": current, "kind": "reset", "session_id": None,
        "at": server.clock.at, "data": {},
    }  # fmt: skip
    message_id = append(wire, session)["message_id"]
    assert follower.event()["data"]["id"] == message_id


def test_a_cursor_of_an_earlier_daemon_gives_a_reset(server: Server, wire: Wire, session: str) -> None:
    cursor = wire.call("events.subscribe")["cursor"]
    server.restart()
    follower = server.connect()
    follower.call("events.subscribe", cursor=cursor)
    reset = follower.event()
    assert (reset["kind"], reset["data"]) == ("reset", {})
    append(follower, session)
    assert follower.event()["kind"] == "message.appended"


def test_the_log_drops_the_oldest_event_over_its_limit(server: Server, wire: Wire, session: str) -> None:
    cursor = wire.call("events.subscribe", kinds=[])["cursor"]
    ids = [append(wire, session)["message_id"] for _ in range(50)]
    in_time = server.connect()
    in_time.call("events.subscribe", cursor=cursor)
    assert [in_time.event()["data"]["id"] for _ in ids] == ids
    append(wire, session)
    too_late = server.connect()
    too_late.call("events.subscribe", cursor=cursor)
    assert too_late.event()["kind"] == "reset"


def test_the_log_drops_events_over_its_byte_limit(server: Server, wire: Wire, session: str) -> None:
    cursor = wire.call("events.subscribe", kinds=[])["cursor"]
    ids = [append(wire, session, "x" * 30_000)["message_id"] for _ in range(3)]
    in_time = server.connect()
    in_time.call("events.subscribe", cursor=cursor)
    assert [in_time.event()["data"]["id"] for _ in ids] == ids
    append(wire, session, "x" * 30_000)
    too_late = server.connect()
    too_late.call("events.subscribe", cursor=cursor)
    assert too_late.event()["kind"] == "reset"


def test_an_event_larger_than_the_log_gives_a_reset(wire: Wire, session: str) -> None:
    wire.call("events.subscribe")
    append(wire, session, "x" * 100_000)
    append(wire, session, "small")
    assert [wire.event()["kind"], wire.event()["data"]["content"]] == ["reset", "small"]


def test_a_filter_that_rejects_everything_keeps_up(server: Server, wire: Wire, session: str) -> None:
    follower = server.connect()
    follower.call("events.subscribe", kinds=["session.ended"])
    for _ in range(120):
        append(wire, session)
    wire.call("session.end", session_id=session)
    assert follower.event()["kind"] == "session.ended"


def test_a_client_that_does_not_read_delays_no_other_and_gets_a_reset(
    server: Server, wire: Wire, session: str, follower: Wire
) -> None:
    lazy = server.connect()
    lazy.call("events.subscribe")
    contents = [f"{number} {'x' * 9000}" for number in range(200)]
    for content in contents:
        append(wire, session, content)
        assert follower.event()["data"]["content"] == content
    found = []
    while (event := lazy.event())["kind"] == "message.appended":
        found.append(event["data"]["content"])
    assert found == contents[: len(found)], "without a gap up to the reset"
    assert 0 < len(found) < len(contents)
    assert event["kind"] == "reset"
    append(wire, session, "afterwards")
    assert lazy.event()["data"]["content"] == "afterwards"


def test_unwanted_events_cause_no_reset_on_a_blocked_connection(server: Server, wire: Wire, session: str) -> None:
    lazy = server.connect()
    everything = lazy.call("events.subscribe")["subscription_id"]
    ends = lazy.call("events.subscribe", kinds=["session.ended"])["subscription_id"]
    for _ in range(200):
        append(wire, session, "x" * 9000)
    wire.call("session.end", session_id=session)
    found: dict[str, list[str]] = {everything: [], ends: []}
    while not found[ends] or "reset" not in found[everything]:
        event = lazy.event()
        found[event["subscription_id"]].append(event["kind"])
    assert found[ends] == ["session.ended"]


def test_a_slow_subscriber_gets_responses_in_order_between_events(server: Server, wire: Wire, session: str) -> None:
    slow = server.connect()
    slow.call("events.subscribe")
    pings = [slow.post("daemon.ping") for _ in range(20)]
    ids = [append(wire, session, "x" * 5000)["message_id"] for _ in range(40)]
    pings += [slow.post("daemon.ping") for _ in range(20)]
    assert [slow.answer()["id"] for _ in pings] == pings
    assert [slow.event()["data"]["id"] for _ in ids] == ids


def test_no_event_follows_the_response_to_unsubscribe(wire: Wire, session: str) -> None:
    first, second = (wire.call("events.subscribe")["subscription_id"] for _ in range(2))
    append(wire, session)
    assert wire.call("events.unsubscribe", subscription_id=first) == {"removed": True}
    assert wire.call("events.unsubscribe", subscription_id=first) == {"removed": False}
    wire.events.clear()
    append(wire, session, "after")
    while (event := wire.event())["data"]["content"] != "after":
        assert event["subscription_id"] == second
    assert event["subscription_id"] == second
    wire.call("daemon.ping")
    assert not wire.events


def test_a_connection_cannot_remove_the_subscription_of_another(server: Server, wire: Wire) -> None:
    id = wire.call("events.subscribe")["subscription_id"]
    assert server.connect().call("events.unsubscribe", subscription_id=id) == {"removed": False}
    assert wire.call("daemon.status")["subscriptions"] == 1


def test_a_connection_has_at_most_sixteen_subscriptions(wire: Wire) -> None:
    ids = [wire.call("events.subscribe")["subscription_id"] for _ in range(16)]
    assert len(set(ids)) == 16
    with pytest.raises(Overloaded):
        wire.call("events.subscribe")
    wire.call("events.unsubscribe", subscription_id=ids[0])
    wire.call("events.subscribe")


def test_status_counts_the_subscriptions_of_open_connections(server: Server, wire: Wire) -> None:
    follower = server.connect()
    for _ in range(3):
        follower.call("events.subscribe")
    assert wire.call("daemon.status")["subscriptions"] == 3
    follower.close()
    wait_until(lambda: wire.call("daemon.status")["subscriptions"] == 0)


def test_events_of_concurrent_writers_are_in_the_order_of_message_ids(
    server: Server, session: str, follower: Wire
) -> None:
    writers = [server.connect() for _ in range(5)]
    for number in range(8):
        for writer in writers:
            writer.post("message.append", session_id=session, role="assistant", content=str(number))
    ids = [writer.answer()["result"]["message_id"] for _ in range(8) for writer in writers]
    assert [follower.event()["data"]["id"] for _ in ids] == sorted(ids)


def test_a_client_that_half_closes_receives_earlier_events(server: Server, wire: Wire, session: str) -> None:
    cursor = wire.call("events.subscribe", kinds=[])["cursor"]
    ids = [append(wire, session, "x" * 1500)["message_id"] for _ in range(50)]
    follower = server.connect()
    follower.post("events.subscribe", cursor=cursor)
    follower.half_close()
    assert follower.answer()["result"]["cursor"] == cursor
    assert [event["data"]["id"] for event in follower.last_events()] == ids


def test_events_before_a_shutdown_arrive(server: Server, wire: Wire, session: str) -> None:
    follower = server.connect()
    follower.call("events.subscribe")
    ids = [append(wire, session, "x" * 1500)["message_id"] for _ in range(50)]
    wire.call("daemon.shutdown")
    assert [event["data"]["id"] for event in follower.last_events()] == ids
