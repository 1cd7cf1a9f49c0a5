"""The queue of pending memory extractions: leased to one worker at a time, tried three times."""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from threading import Barrier
from typing import Any

import pytest

from segue.errors import Conflict, InvalidParams, NotFound
from segue.timestamps import timestamp
from tests.socket.records.extraction.calls import claim, draft, enqueue, exhaust, fail, queue
from tests.support.clock import DAY, MINUTE, SECOND
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire

WORKERS = 32


def test_an_entry_has_every_member_and_is_due_immediately(server: Server, wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    session = wire.call("session.create", bot_id="ada")["id"]
    server.clock.pass_time(SECOND)
    entry = wire.call("extraction.enqueue", session_id=session)
    assert entry == {
        "id": entry["id"], "session_id": session, "bot_id": "ada", "attempt_count": 0, "last_attempt_at": None,
        "next_attempt_at": server.clock.at, "leased_until": None, "error_message": None,
        "created_at": server.clock.at,
    }  # fmt: skip
    assert queue(wire) == [entry]


def test_an_open_entry_is_returned_again_also_while_it_is_leased_and_after_a_failure(
    server: Server, wire: Wire
) -> None:
    entry = enqueue(wire)
    server.clock.pass_time(SECOND)
    again = {"session_id": entry["session_id"]}
    assert wire.call("extraction.enqueue", **again) == entry
    (leased,) = claim(wire)
    assert wire.call("extraction.enqueue", **again) == leased
    failed = fail(wire, entry)
    assert wire.call("extraction.enqueue", **again) == failed
    assert queue(wire, include_exhausted=True) == [failed]


def test_an_exhausted_entry_is_replaced_by_a_new_one(server: Server, wire: Wire) -> None:
    old = exhaust(server, wire, enqueue(wire))
    new = wire.call("extraction.enqueue", session_id=old["session_id"])
    assert new["id"] > old["id"]
    assert new == {
        **old, "id": new["id"], "attempt_count": 0, "last_attempt_at": None, "error_message": None,
        "next_attempt_at": server.clock.at, "created_at": server.clock.at,
    }  # fmt: skip
    assert queue(wire, include_exhausted=True) == [new]


def test_a_claim_leases_what_is_due_the_longest_due_first_as_many_as_asked(server: Server, wire: Wire) -> None:
    entries = []
    for _ in range(4):
        entries.append(enqueue(wire))
        server.clock.pass_time(SECOND)
    fail(wire, entries[0])
    server.clock.pass_time(MINUTE)
    until = timestamp(server.clock.now + 300 * SECOND)
    assert claim(wire) == [{**entries[1], "leased_until": until}]
    last = claim(wire, limit=10, lease_seconds=86400)
    assert [entry["id"] for entry in last] == [entries[index]["id"] for index in (2, 3, 0)]
    assert {entry["leased_until"] for entry in last} == {timestamp(server.clock.now + DAY)}
    assert claim(wire, limit=10) == []


def test_a_worker_of_one_bot_gets_and_sees_that_bot_s_entries_only(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    mine, hers = enqueue(wire), enqueue(wire, bot_id="ada")
    assert queue(wire, bot_id="ada") == [hers]
    assert [entry["id"] for entry in claim(wire, bot_id="ada", limit=9)] == [hers["id"]]
    assert [entry["id"] for entry in claim(wire, limit=9)] == [mine["id"]]


def claim_all(server: Server) -> list[list[int]]:
    """Return what each worker got, all claiming at the same time, each over a connection of its own."""
    together = Barrier(WORKERS, timeout=TIMEOUT_SECONDS)

    def work(_: int) -> list[int]:
        with Wire(server.socket) as wire:
            together.wait()
            posted = [wire.post("extraction.claim") for _ in range(10)]
            answers = [wire.answer()["result"]["extractions"] for _ in posted]
        return [entry["id"] for (entry,) in answers]

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(work, range(WORKERS)))


def test_thirty_two_workers_that_claim_concurrently_never_share_an_entry(server: Server, wire: Wire) -> None:
    for _ in range(WORKERS * 10):
        enqueue(wire)
    for round in range(3):
        got = claim_all(server)
        assert sorted(id for ids in got for id in ids) == [entry["id"] for entry in queue(wire)]
        overlapping = [1 for one, other in combinations(got, 2) if one[0] < other[-1] and other[0] < one[-1]]
        assert overlapping, "each worker was served after the other: nothing was shown"
        assert {entry["attempt_count"] for entry in queue(wire)} == {round}
        server.clock.pass_time(300 * SECOND)
    assert claim(wire, limit=1000) == []
    assert {entry["attempt_count"] for entry in queue(wire, include_exhausted=True)} == {3}


def test_a_lease_that_ran_out_returns_the_entry_and_has_cost_an_attempt_when_it_is_claimed_again(
    server: Server, wire: Wire
) -> None:
    entry = enqueue(wire)
    (leased,) = claim(wire, lease_seconds=10)
    server.clock.pass_time(10 * SECOND - 1)
    assert claim(wire) == []
    server.clock.pass_time(1)
    assert queue(wire) == [leased], "as long as nobody claims it nothing is counted"
    (again,) = claim(wire, lease_seconds=20)
    assert again == {
        **entry, "attempt_count": 1, "last_attempt_at": server.clock.at, "next_attempt_at": server.clock.at,
        "leased_until": timestamp(server.clock.now + 20 * SECOND), "error_message": again["error_message"],
    }  # fmt: skip
    assert again["error_message"]


def test_three_leases_that_run_out_exhaust_an_entry(server: Server, wire: Wire) -> None:
    entry = enqueue(wire)
    for attempt in range(3):
        assert [one["attempt_count"] for one in claim(wire, lease_seconds=1)] == [attempt]
        server.clock.pass_time(SECOND)
    assert claim(wire) == []
    (exhausted,) = queue(wire, include_exhausted=True)
    assert (exhausted["id"], exhausted["attempt_count"], exhausted["leased_until"]) == (entry["id"], 3, None)
    assert exhausted["error_message"]
    assert queue(wire) == []


def test_an_exhausted_entry_does_not_keep_a_claim_from_what_is_behind_it(server: Server, wire: Wire) -> None:
    dead, alive = enqueue(wire), enqueue(wire)
    fail(wire, dead)
    server.clock.pass_time(MINUTE)
    fail(wire, dead)
    server.clock.pass_time(4 * MINUTE)
    assert [entry["id"] for entry in claim(wire, limit=2)] == [alive["id"], dead["id"]]
    fail(wire, alive)
    server.clock.pass_time(DAY)
    assert [entry["id"] for entry in claim(wire, limit=1)] == [alive["id"]]


def test_failures_back_off_one_four_and_sixteen_minutes_to_the_millisecond_and_the_third_exhausts(
    server: Server, wire: Wire
) -> None:
    entry = enqueue(wire)
    for attempt, backoff in ((1, 60 * SECOND), (2, 240 * SECOND), (3, 960 * SECOND)):
        assert [one["id"] for one in claim(wire)] == [entry["id"]]
        failed = fail(wire, entry, f"error {attempt}\n😀")
        assert failed == {
            **entry, "attempt_count": attempt, "last_attempt_at": server.clock.at, "leased_until": None,
            "next_attempt_at": timestamp(server.clock.now + backoff), "error_message": f"error {attempt}\n😀",
        }  # fmt: skip
        assert queue(wire, include_exhausted=True) == [failed]
        server.clock.pass_time(backoff - 1)
        assert claim(wire) == []
        server.clock.pass_time(1)
    assert claim(wire) == []
    assert queue(wire) == []
    assert queue(wire, include_exhausted=True) == [failed]


def test_the_queue_the_leases_and_the_back_off_survive_a_restart(server: Server, wire: Wire) -> None:
    failed, leased = enqueue(wire), enqueue(wire)
    fail(wire, failed)
    claim(wire)
    before = queue(wire)
    server.restart()
    wire = server.connect()
    assert queue(wire) == before
    assert claim(wire) == []
    server.clock.pass_time(MINUTE)
    assert [entry["id"] for entry in claim(wire, limit=9)] == [failed["id"]]
    server.clock.pass_time(5 * MINUTE)
    assert {entry["id"] for entry in claim(wire, limit=9)} == {failed["id"], leased["id"]}


def test_the_queue_is_listed_by_when_it_is_due(server: Server, wire: Wire) -> None:
    entries = [enqueue(wire) for _ in range(3)]
    fail(wire, entries[0])
    assert [entry["id"] for entry in queue(wire)] == [entries[index]["id"] for index in (1, 2, 0)]


def test_an_exhausted_entry_can_neither_be_failed_nor_completed(server: Server, wire: Wire) -> None:
    entry = exhaust(server, wire, enqueue(wire))
    for method, params in (("extraction.fail", {"error": "e"}), ("extraction.complete", {"memories": [draft()]})):
        with pytest.raises(Conflict) as caught:
            wire.call(method, extraction_id=entry["id"], **params)
        assert caught.value.data == {"reason": "exhausted"}
    assert queue(wire, include_exhausted=True) == [entry]
    assert wire.call("memory.list")["total"] == 0


def test_an_entry_goes_with_its_session_however_that_goes(server: Server, wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    enqueue(wire, id="deleted")
    enqueue(wire, id="of-ada", bot_id="ada")
    exhaust(server, wire, enqueue(wire, id="cleaned"))
    wire.call("session.delete", session_id="deleted")
    wire.call("bot.delete", bot_id="ada")
    server.clock.pass_time(31 * DAY)
    wire.call("session.cleanup")
    assert queue(wire, include_exhausted=True) == []
    with pytest.raises(NotFound) as caught:
        wire.call("extraction.enqueue", session_id="deleted")
    assert caught.value.data == {"what": "session", "id": "deleted"}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_deleted_entry_is_gone_and_its_id_is_not_given_again(wire: Wire) -> None:
    entry = enqueue(wire)
    assert wire.call("extraction.delete", extraction_id=entry["id"]) == {"deleted": True}
    assert wire.call("extraction.delete", extraction_id=entry["id"]) == {"deleted": False}
    assert wire.call("extraction.enqueue", session_id=entry["session_id"])["id"] > entry["id"]


@pytest.mark.parametrize(
    ("method", "params"), [("extraction.fail", {"error": "e"}), ("extraction.complete", {"memories": []})]
)
def test_an_unknown_entry_is_not_found(wire: Wire, method: str, params: dict[str, Any]) -> None:
    with pytest.raises(NotFound) as caught:
        wire.call(method, extraction_id=999, **params)
    assert caught.value.data == {"what": "extraction", "id": 999}


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"limit": 0}, "$.limit"),
        ({"limit": 1001}, "$.limit"),
        ({"lease_seconds": 0}, "$.lease_seconds"),
        ({"lease_seconds": 86401}, "$.lease_seconds"),
        ({"lease_seconds": 1.5}, "$.lease_seconds"),
    ],
)
def test_a_wrong_claim_is_refused_and_leases_nothing(wire: Wire, params: dict[str, Any], path: str) -> None:
    entry = enqueue(wire)
    with pytest.raises(InvalidParams) as caught:
        wire.call("extraction.claim", **params)
    assert caught.value.data["path"] == path
    assert queue(wire) == [entry]
