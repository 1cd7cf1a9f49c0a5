"""Other requests than plain appends, by many clients, beside plain appends of the same run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.peers.segue import BEGINNING, Segue, appends, request, serving, turn
from tests.bench.report.figures import Row, beyond, within
from tests.bench.sides import Length, Side, Turn
from tests.bench.texts import distribute, texts
from tests.bench.turns import measure_in_turns
from tests.support.process import Segued

KEYS = 1500
"""Different keys of each client: more than it uses in a turn."""

PROMPT_BYTES = 8_000_000

Make = Callable[[Segued, int], list[list[bytes]]]


class Kind:
    """A segued whose clients send one kind of request; `make` returns the requests of each, after it made sessions."""

    def __init__(self, name: str, make: Make) -> None:
        self.name = name
        self._make = make

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with serving(folder) as segued:
            appends(segued, clients)
            yield turn(segued, self._make(segued, clients), BEGINNING)


def by_directory(segued: Segued, clients: int) -> list[list[bytes]]:
    return [
        [request("message.append", working_dir=f"/work/{client}", role="user", content=text) for text in mine]
        for client, mine in enumerate(distribute(texts(), clients))
    ]


def with_key(segued: Segued, clients: int) -> list[list[bytes]]:
    return [[_keyed(client, number) for number in range(KEYS)] for client in range(clients)]


def touch(segued: Segued, clients: int) -> list[list[bytes]]:
    return [[request("session.touch", session_id=f"session-{client}")] for client in range(clients)]


def resolve(segued: Segued, clients: int) -> list[list[bytes]]:
    return [[request("session.resolve", working_dir=f"/work/{client}")] for client in range(clients)]


def mixed(segued: Segued, clients: int) -> list[list[bytes]]:
    """Return for each client appends, resolves, appends with a key and touches, and some lists."""
    return [
        [
            line
            for number in range(KEYS // 5)
            for line in (
                request("message.append", session_id=f"session-{client}", role="user", content=texts()[0]),
                request("session.resolve", working_dir=f"/work/{client}"),
                _keyed(client, number),
                request("session.touch", session_id=f"session-{client}"),
                *([request("session.list")] if number % 5 == 0 else []),
            )
        ]
        for client in range(clients)
    ]


def beside_large_prompt(segued: Segued, clients: int) -> list[list[bytes]]:
    """Return appends to a session with a system prompt of 8 MB."""
    with segued.connect() as wire:
        wire.call("session.create", id="large", system_prompt="x" * PROMPT_BYTES)
    return [[request("message.append", session_id="large", role="user", content=text) for text in texts()[:8]]]


def _keyed(client: int, number: int) -> bytes:
    session, key = f"session-{client}", f"{client}-{number}"
    return request("message.append", session_id=session, role="user", content=texts()[number % 64], key=key)


def rows(many: int, some: int, length: Length, rounds: int) -> list[Row]:
    """Measure each kind with `many` or `some` clients."""
    plain = Segue()
    kinds_of_many: list[Side] = [plain, Kind("by directory", by_directory), Kind("with key", with_key)]
    kinds_of_some: list[Side] = [plain, Kind("touch", touch), Kind("resolve", resolve), Kind("mixed", mixed)]
    base, directory, keyed = measure_in_turns(kinds_of_many, many, length, rounds).values()
    against = "append by session"
    found = [
        beyond(
            f"append by directory, {many} clients",
            directory.per_second,
            against,
            base.per_second,
            "/s",
            0.9,
            directory.spread,
        ),
        Row(f"append with key, {many} clients", keyed.per_second, against, base.per_second, "/s", spread=keyed.spread),
    ]
    base, *others = measure_in_turns(kinds_of_some, some, length, rounds).values()
    names = ("session.touch", "session.resolve", "append, resolve, append with key, touch, list")
    found += [
        Row(f"{name}, {some} clients", other.per_second, against, base.per_second, "/s", spread=other.spread)
        for name, other in zip(names, others, strict=True)
    ]
    sizes: list[Side] = [plain, Kind("large prompt", beside_large_prompt)]
    small, large = measure_in_turns(sizes, 1, length, rounds).values()
    what = "append, 1 client, session with a prompt of 8 MB, p50"
    return [*found, within(what, large.p50, "small session", small.p50, "ms", 1.2, large.spread)]
