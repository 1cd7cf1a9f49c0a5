"""The event log and its subscriptions, without a socket."""

from typing import Any

import msgspec

from segue.config import Limits
from segue.events import Emitted, Filter, Nothing
from segue.server.events.event_log import EventLog
from segue.server.events.subscriptions import SCAN_BATCH, Subscriptions
from tests.support.clock import HandClock

ROOM = 65_536


def backlog(**limits: int) -> EventLog:
    return EventLog("boot", Limits(**limits), HandClock().wall)


def emitted(session_id: str = "s", data: Any = None) -> Emitted:
    return Emitted("session.deleted", session_id, None, "b", HandClock().at, Nothing() if data is None else data)


def followed(backlog: EventLog, wanted: Filter | None = None) -> Subscriptions:
    """Return subscriptions with one active subscription."""
    feed = Subscriptions(backlog)
    feed.subscribe(wanted or Filter(), None)
    feed.activate_pending()
    return feed


def kinds(lines: bytes) -> list[str]:
    return [msgspec.json.decode(line)["params"]["kind"] for line in lines.splitlines()]


def test_the_log_is_empty_before_the_first_subscription() -> None:
    kept = backlog()
    kept.publish([emitted()])
    assert (kept.end, kept.entries) == (0, {})
    feed = followed(kept)
    kept.publish([emitted()])
    feed.close()
    kept.publish([emitted()])
    assert kept.end == len(kept.entries) == 2


def test_a_subscription_sends_nothing_before_its_response() -> None:
    kept = backlog()
    feed = Subscriptions(kept)
    feed.subscribe(Filter(), None)
    kept.publish([emitted()])
    assert feed.next_batch(ROOM) == (b"", False)
    feed.activate_pending()
    lines, more = feed.next_batch(ROOM)
    assert (kinds(lines), more) == (["session.deleted"], False)


def test_a_batch_is_hardly_larger_than_its_limit() -> None:
    kept = backlog()
    feed = followed(kept)
    kept.publish([emitted()] * 3)
    lines, more = feed.next_batch(1)
    assert (kinds(lines), more) == (["session.deleted"], True)


def test_a_batch_examines_a_bounded_number_of_events() -> None:
    kept = backlog()
    feed = Subscriptions(kept)
    cursor = feed.subscribe(Filter(), None).cursor
    kept.publish([emitted()] * (SCAN_BATCH + 1))
    late = Subscriptions(kept)
    late.subscribe(Filter(session_id="other"), cursor)
    late.activate_pending()
    assert [late.next_batch(ROOM), late.next_batch(ROOM)] == [(b"", True), (b"", False)]


def test_several_subscriptions_share_the_batches() -> None:
    kept = backlog()
    feed = followed(kept)
    feed.subscribe(Filter(), None)
    feed.activate_pending()
    kept.publish([emitted()] * 2)
    ids = [msgspec.json.decode(feed.next_batch(1)[0])["params"]["subscription_id"] for _ in range(4)]
    assert sorted(ids[:2]) == sorted(ids[2:]) == ["1", "2"]


def test_stopped_subscriptions_send_only_earlier_events() -> None:
    kept = backlog()
    feed = followed(kept)
    kept.publish([emitted()])
    feed.stop_at_end()
    kept.publish([emitted()])
    lines, more = feed.next_batch(ROOM)
    assert (kinds(lines), more) == (["session.deleted"], False)


def test_an_event_that_cannot_be_encoded_resets_every_subscription() -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    kept = backlog()
    feed = followed(kept)
    kept.publish([emitted(), emitted(data=deep), emitted()])
    assert [kinds(feed.next_batch(ROOM)[0]) for _ in range(2)] == [["reset"], []]
    while deep:  # Because freeing it would recurse as deeply.
        deep = deep.pop()


def test_the_log_holds_a_bounded_number_of_bytes() -> None:
    kept = backlog(event_backlog_bytes=1000)
    followed(kept)
    kept.publish([emitted("s" * 200)] * 10)
    assert 0 < sum(len(entry.body) for entry in kept.entries.values()) <= 1000
    assert list(kept.entries) == list(range(kept.end - len(kept.entries), kept.end))
