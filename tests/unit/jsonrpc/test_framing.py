"""Bytes into lines: however they were cut, whatever is in them, and never more held than the limit."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.jsonrpc.framing import CROWDED, FREE_BYTES, OVERSIZE, STALLED_SECONDS, LineDecoder, Oversize, Room

LIMIT = 10


def split(*chunks: bytes, limit: int = LIMIT, finish: bool = True) -> list[bytes | Oversize]:
    lines = LineDecoder(limit)
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    return found + lines.finish() if finish else found


def one_by_one(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\n", [b"a\r"]),
        (b"\n\r\n \t\r\n\n", []),
        (b"\n\na\n\n", [b"a"]),
        (b"\r", []),
        (b" a \n", [b" a "]),
        (b"\x00\n", [b"\x00"]),
        ("é\n".encode(), ["é".encode()]),
        (b"\xff\xfe\n", [b"\xff\xfe"]),
        (b"\x0b\n", [b"\x0b"]),
    ],
)
def test_a_line_ends_in_lf_and_a_blank_one_is_none(data: bytes, lines: list[bytes]) -> None:
    assert split(data) == lines
    assert split(*one_by_one(data)) == lines


@pytest.mark.parametrize(("length", "lines"), [(LIMIT - 1, [b"x" * 9]), (LIMIT, [b"x" * 10]), (LIMIT + 1, [OVERSIZE])])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_may_be_as_long_as_the_limit(length: int, lines: list[bytes | Oversize], end: bytes) -> None:
    assert split(b"x" * length + end) == lines
    assert split(*one_by_one(b"x" * length + end)) == lines


def test_a_line_that_is_too_long_is_told_once_and_at_once_and_skipped_to_its_end() -> None:
    lines = LineDecoder(LIMIT)
    assert lines.feed(b"x" * LIMIT) == []
    assert lines.feed(b"x") == [OVERSIZE]
    assert lines.feed(b"x" * 100) == []
    assert lines.feed(b"x\nafter") == []
    assert lines.feed(b"\n") == [b"after"]


def test_a_line_that_is_too_long_and_never_ends_is_told_once() -> None:
    assert split(*[b"x" * LIMIT] * 5) == [OVERSIZE]


def test_a_line_that_is_still_open_is_no_line() -> None:
    assert split(b"abc", finish=False) == []


pieces = st.sampled_from([b"\n", b"\r\n", b" ", b"x", b"12345", b"0123456789", "é".encode(), b"\xff", b"\x00"])


@given(st.lists(pieces, max_size=30), st.lists(st.integers(0, 300), max_size=10))
def test_the_cuts_between_chunks_change_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    expected = [
        OVERSIZE if len(line) > LIMIT else line for line in data.split(b"\n") if line.strip(b" \r") or len(line) > LIMIT
    ]
    paths = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert split(*(data[start:end] for start, end in pairwise(paths))) == expected


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_no_more_than_the_limit_is_held(chunks: list[bytes]) -> None:
    lines = LineDecoder(LIMIT)
    for chunk in chunks:
        lines.feed(chunk)
        assert len(lines._line) <= LIMIT


LONG = FREE_BYTES + 1


class TestRoom:
    """Streams that share what their long lines may hold, here as much as two of them."""

    @pytest.fixture
    def room(self) -> Room:
        return Room(2 * LONG)

    def test_a_long_line_too_many_is_told_at_once_and_skipped_to_its_end(self, room: Room) -> None:
        first, second, third = (LineDecoder(2**20, room) for _ in range(3))
        assert [first.feed(b"x" * LONG), second.feed(b"x" * LONG), third.feed(b"x" * LONG)] == [[], [], [CROWDED]]
        assert third.feed(b"x" * LONG) == []
        assert third.feed(b"x\nafter\n") == [b"after"]

    def test_short_lines_need_no_room(self) -> None:
        lines = LineDecoder(2**20, Room(0))
        assert lines.feed(b"x" * FREE_BYTES) == []
        assert lines.feed(b"\n") == [b"x" * FREE_BYTES]
        assert lines.feed(b"x" * LONG) == [CROWDED]

    def test_one_that_was_handed_out_takes_room_until_it_is_done_with(self, room: Room) -> None:
        first, second = LineDecoder(2**20, room), LineDecoder(2**20, room)
        assert first.feed(b"x" * LONG + b"\n" + b"y" * LONG) == [b"x" * LONG]
        assert second.feed(b"x" * LONG) == [CROWDED]
        first.settle()
        assert second.feed(b"\n" + b"z" * LONG) == []
        assert first.feed(b"\n") == [b"y" * LONG]

    def test_a_blank_an_oversize_and_a_closed_one_give_their_room_back(self, room: Room) -> None:
        lines = LineDecoder(2 * LONG, room)
        for _ in range(3):
            assert lines.feed(b" " * LONG) == []
            assert lines.feed(b"\n") == []
            assert lines.feed(b"x" * 2 * LONG) == []
            assert lines.feed(b"x") == [OVERSIZE]
            assert lines.feed(b"\n") == []
        lines.feed(b"x" * LONG + b"\n" + b"x" * LONG)
        lines.close()
        assert LineDecoder(2**20, room).feed(b"x" * 2 * LONG) == []

    def test_a_line_that_stalled_gives_its_room_up_to_another_and_is_told_of_later(self) -> None:
        now = [0.0]
        room = Room(2 * LONG, clock=lambda: now[0])
        stalled, slow, third = (LineDecoder(2**20, room) for _ in range(3))
        assert [stalled.feed(b"x" * LONG), slow.feed(b"y" * (LONG - 1))] == [[], []]
        now[0] = STALLED_SECONDS - 1
        assert slow.feed(b"y") == []
        assert third.feed(b"z" * LONG + b"\n") == [CROWDED], "neither has stalled for long enough"
        now[0] = STALLED_SECONDS
        assert third.feed(b"z" * LONG + b"\n") == [b"z" * LONG]
        assert stalled.feed(b"x" * LONG) == [CROWDED]
        assert stalled.feed(b"x\nafter\n") == [b"after"]
        assert slow.feed(b"\n") == [b"y" * LONG]
        for lines in (stalled, slow, third):
            lines.close()
        assert room.take(2 * LONG, third)

    def test_a_line_that_was_given_up_and_never_goes_on_is_told_of_at_the_end(self) -> None:
        now = [0.0]
        room = Room(LONG, clock=lambda: now[0])
        stalled, other = LineDecoder(2**20, room), LineDecoder(2**20, room)
        stalled.feed(b"x" * LONG)
        now[0] = STALLED_SECONDS
        assert other.feed(b"y" * LONG) == []
        assert stalled.finish() == [CROWDED]
        assert other.feed(b"\n") == [b"y" * LONG]

    @given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([b"\n", b"x" * 50, b"x" * LONG])), max_size=30))
    def test_in_the_end_all_room_is_free_again(self, chunks: list[tuple[int, bytes]]) -> None:
        room = Room(2 * LONG)
        streams = [LineDecoder(3 * LONG, room) for _ in range(3)]
        for number, chunk in chunks:
            streams[number].feed(chunk)
        for stream in streams:
            stream.close()
        assert room.take(2 * LONG, LineDecoder(3 * LONG, room))
