"""The backlog and the feeds on it, without a socket."""

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
    """A feed with one subscription whose answer is sent."""
    feed = Subscriptions(backlog)
    feed.subscribe(wanted or Filter(), None)
    feed.activate_pending()
    return feed


def kinds(lines: bytes) -> list[str]:
    return [msgspec.json.decode(line)["params"]["kind"] for line in lines.splitlines()]


def test_nothing_is_kept_before_anyone_asked_for_a_position() -> None:
    kept = backlog()
    kept.publish([emitted()])
    assert (kept.end, kept.entries) == (0, {})
    feed = followed(kept)
    kept.publish([emitted()])
    feed.close()
    kept.publish([emitted()])
    assert kept.end == len(kept.entries) == 2


def test_a_subscription_is_silent_until_its_answer_is_sent() -> None:
    kept = backlog()
    feed = Subscriptions(kept)
    feed.subscribe(Filter(), None)
    kept.publish([emitted()])
    assert feed.next_batch(ROOM) == (b"", False)
    feed.activate_pending()
    lines, more = feed.next_batch(ROOM)
    assert (kinds(lines), more) == (["session.deleted"], False)


def test_a_turn_takes_little_more_than_there_is_room_for() -> None:
    kept = backlog()
    feed = followed(kept)
    kept.publish([emitted()] * 3)
    lines, more = feed.next_batch(1)
    assert (kinds(lines), more) == (["session.deleted"], True)


def test_a_turn_looks_at_a_bounded_number_of_events() -> None:
    kept = backlog()
    feed = Subscriptions(kept)
    cursor = feed.subscribe(Filter(), None).cursor
    kept.publish([emitted()] * (SCAN_BATCH + 1))
    late = Subscriptions(kept)
    late.subscribe(Filter(session_id="other"), cursor)
    late.activate_pending()
    assert [late.next_batch(ROOM), late.next_batch(ROOM)] == [(b"", True), (b"", False)]


def test_each_of_several_subscriptions_gets_its_turn_at_the_room() -> None:
    kept = backlog()
    feed = followed(kept)
    feed.subscribe(Filter(), None)
    feed.activate_pending()
    kept.publish([emitted()] * 2)
    ids = [msgspec.json.decode(feed.next_batch(1)[0])["params"]["subscription_id"] for _ in range(4)]
    assert sorted(ids[:2]) == sorted(ids[2:]) == ["1", "2"]


def test_a_finished_feed_gives_what_was_published_before_and_no_more() -> None:
    kept = backlog()
    feed = followed(kept)
    kept.publish([emitted()])
    feed.stop_at_end()
    kept.publish([emitted()])
    lines, more = feed.next_batch(ROOM)
    assert (kinds(lines), more) == (["session.deleted"], False)


def test_an_event_that_cannot_be_written_as_json_is_a_reset_for_everyone() -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    kept = backlog()
    feed = followed(kept)
    kept.publish([emitted(), emitted(data=deep), emitted()])
    assert [kinds(feed.next_batch(ROOM)[0]) for _ in range(2)] == [["reset"], []]
    while deep:  # or freeing it would recurse as deeply
        deep = deep.pop()


def test_the_bytes_that_are_kept_are_bounded() -> None:
    kept = backlog(event_backlog_bytes=1000)
    followed(kept)
    kept.publish([emitted("s" * 200)] * 10)
    assert 0 < sum(len(entry.body) for entry in kept.entries.values()) <= 1000
    assert list(kept.entries) == list(range(kept.end - len(kept.entries), kept.end))
