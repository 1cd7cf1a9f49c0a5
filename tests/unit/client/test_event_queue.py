"""The bounded queue of unread events."""

from segue.client.event_queue import MAX_EVENT_BYTES, MAX_EVENTS, EventQueue
from segue.events import Event, MemoryDeleted


def event(number: int) -> Event:
    at = "2026-11-21T14:23:05.123Z"
    data = MemoryDeleted(memory_id=number)
    return Event(subscription_id="1", cursor=f"{number}", kind="memory.deleted", session_id=None, at=at, data=data)


def contents(queue: EventQueue) -> list[tuple[str, str]]:
    return [(found.kind, found.cursor) for found in iter(queue.pop, None)]


def test_events_are_read_in_order() -> None:
    queue = EventQueue()
    for number in range(MAX_EVENTS):
        queue.put(event(number), 1)
    assert contents(queue) == [("memory.deleted", str(number)) for number in range(MAX_EVENTS)]


def test_one_reset_replaces_the_events_of_a_reader_that_is_too_slow() -> None:
    queue = EventQueue()
    for number in range(MAX_EVENTS + 3):
        queue.put(event(number), 1)
    last = MAX_EVENTS
    assert contents(queue) == [("reset", f"{last}"), *[("memory.deleted", f"{last + more}") for more in (1, 2)]]


def test_the_bytes_of_unread_events_are_bounded_and_a_single_long_event_is_kept() -> None:
    queue = EventQueue()
    queue.put(event(1), MAX_EVENT_BYTES + 1)
    assert contents(queue) == [("memory.deleted", "1")]
    queue.put(event(2), MAX_EVENT_BYTES)
    queue.put(event(3), 1)
    assert contents(queue) == [("reset", "3")]
    queue.put(event(4), MAX_EVENT_BYTES)
    assert contents(queue) == [("memory.deleted", "4")]
