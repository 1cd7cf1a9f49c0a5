"""Decode bytes into lines, however the stream is cut, with a bounded buffer."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.jsonrpc.framing import BAD_HEADER, TOO_LONG, ContentLengthDecoder, LineDecoder, MessageDecoder, Unreadable

LIMIT = 10


def split(*chunks: bytes, limit: int = LIMIT, finish: bool = True) -> list[bytes | Unreadable]:
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
def test_lf_ends_a_line_and_blank_lines_are_left_out(data: bytes, lines: list[bytes]) -> None:
    assert split(data) == lines
    assert split(*one_by_one(data)) == lines


@pytest.mark.parametrize(("length", "lines"), [(LIMIT - 1, [b"x" * 9]), (LIMIT, [b"x" * 10]), (LIMIT + 1, [TOO_LONG])])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_line_may_be_as_long_as_the_limit(length: int, lines: list[bytes | Unreadable], end: bytes) -> None:
    assert split(b"x" * length + end) == lines
    assert split(*one_by_one(b"x" * length + end)) == lines


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_a_cr_at_the_end_of_a_line_does_not_count(end: bytes) -> None:
    for line, expected in [(b"x" * LIMIT, b"x" * LIMIT + b"\r"), (b"x" * (LIMIT + 1), TOO_LONG)]:
        assert split(line + end) == split(*one_by_one(line + end)) == [expected]
    assert split(b"x" * LIMIT, b"\r", b"x\n") == split(b"x" * LIMIT + b"\rx\n") == [TOO_LONG]


def test_too_long_line_is_reported_immediately_and_skipped_to_its_lf() -> None:
    lines = LineDecoder(LIMIT)
    assert lines.feed(b"x" * LIMIT) == []
    assert lines.feed(b"x") == [TOO_LONG]
    assert lines.feed(b"x" * 100) == []
    assert lines.feed(b"x\nafter") == []
    assert lines.feed(b"\n") == [b"after"]


def test_too_long_line_without_lf_is_reported_once() -> None:
    assert split(*[b"x" * LIMIT] * 5) == [TOO_LONG]


def test_unfinished_line_is_not_returned() -> None:
    assert split(b"abc", finish=False) == []


pieces = st.sampled_from([b"\n", b"\r\n", b" ", b"x", b"12345", b"0123456789", "é".encode(), b"\xff", b"\x00"])


@given(st.lists(pieces, max_size=30), st.lists(st.integers(0, 300), max_size=10))
def test_chunk_boundaries_change_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    expected = [
        TOO_LONG if is_too_long else line
        for line in data.split(b"\n")
        if (is_too_long := len(line.removesuffix(b"\r")) > LIMIT) or line.strip(b" \r")
    ]
    borders = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert split(*(data[start:end] for start, end in pairwise(borders))) == expected


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_buffer_never_exceeds_the_limit_and_a_cr(chunks: list[bytes]) -> None:
    lines = LineDecoder(LIMIT)
    for chunk in chunks:
        lines.feed(chunk)
        assert lines.buffered_bytes <= LIMIT + len(b"\r")


def bodies(*chunks: bytes, limit: int = LIMIT) -> list[bytes | Unreadable]:
    decoder = ContentLengthDecoder(limit)
    return [body for chunk in chunks for body in decoder.feed(chunk)] + decoder.finish()


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (framed(b"{}") + framed(b'{"a":\n1}'), [b"{}", b'{"a":\n1}']),
        (b"content-length:2\r\nContent-Type: x; charset=utf-8\r\n\r\n{}", [b"{}"]),
        (b"Content-Type: x\r\nCONTENT-LENGTH:  2  \r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 2\n\n{}", [b"{}"]),
        (framed(b"") + framed(b"{}"), [b"", b"{}"]),
        (framed(b"x" * (LIMIT + 1)) + framed(b"{}"), [TOO_LONG, b"{}"]),
        (framed(b"x" * LIMIT), [b"x" * LIMIT]),
        (b"Content-Type: x\r\n\r\n" + framed(b"{}"), [BAD_HEADER, b"{}"]),
        (b"Content-Length: -2\r\n\r\n" + framed(b"{}"), [BAD_HEADER, b"{}"]),
        (b"Content-Length: 2", []),
        (framed(b"{}")[:-1], []),
    ],
)
def test_content_length_frames_bodies(data: bytes, expected: list[bytes | Unreadable]) -> None:
    assert bodies(data) == expected
    assert bodies(*one_by_one(data)) == expected


def test_header_without_end_is_bad_and_its_buffer_is_bounded() -> None:
    decoder = ContentLengthDecoder(LIMIT)
    found = [body for _ in range(100) for body in decoder.feed(b"Content-X: " + b"y" * 1000)]
    assert set(found) == {BAD_HEADER}
    assert decoder.buffered_bytes < 10_000


@pytest.mark.parametrize("start", [b"Content-Length", b"content-length", b"CONTENT-LENGTH"])
@pytest.mark.parametrize("cut", [0, 1, 7, 8, 20])
def test_first_bytes_choose_the_framing(start: bytes, cut: int) -> None:
    data = framed(b"{}").replace(b"Content-Length", start)
    decoder = MessageDecoder(LIMIT)
    assert decoder.feed(data[:cut]) + decoder.feed(data[cut:]) + decoder.finish() == [b"{}"]
    assert decoder.encode(b'{"a":1}\n{}\n') == b'Content-Length: 7\r\n\r\n{"a":1}Content-Length: 2\r\n\r\n{}'


@pytest.mark.parametrize("data", [b"{}\n[]", b"Con", b"Contend\n", b"\nContent-", b""])
def test_other_first_bytes_are_lines(data: bytes) -> None:
    decoder = MessageDecoder(LIMIT)
    found = [line for byte in one_by_one(data) for line in decoder.feed(byte)]
    assert found + decoder.finish() == [line for line in data.split(b"\n") if line]
    assert decoder.encode(b"{}\n") == b"{}\n"
