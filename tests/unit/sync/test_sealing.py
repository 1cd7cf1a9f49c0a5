"""Keys, invitations and sealed batches: whatever a hub changes is refused."""

from pathlib import Path

import pytest

from segue.store.sync.wire import Contents, TombstoneRecord
from segue.sync.keys import Key, key_path, new_key, parse_line, read_key, write_key
from segue.sync.sealing import NewerVersion, Refused, open_batch, padded, seal

MACHINE, OTHER = "11" * 16, "22" * 16
CONTENTS = Contents(
    at=1, stamp=2, name="desk", heads={b"\x22" * 16: 3}, records=[TombstoneRecord(0, b"\x11" * 16, [1, 2, 300])]
)


def test_a_sealed_batch_opens_to_what_was_sealed() -> None:
    key = new_key()
    assert open_batch(key, seal(key, MACHINE, 7, CONTENTS)) == CONTENTS


def test_a_batch_shows_nothing_of_its_content() -> None:
    key = new_key()
    assert b"desk" not in seal(key, MACHINE, 7, CONTENTS).body


def test_another_key_opens_nothing() -> None:
    batch = seal(new_key(), MACHINE, 7, CONTENTS)
    with pytest.raises(Refused):
        open_batch(new_key(), batch)


def test_a_batch_with_any_byte_flipped_is_refused() -> None:
    key = new_key()
    batch = seal(key, MACHINE, 7, CONTENTS)
    for position in range(1, len(batch.body)):
        body = bytearray(batch.body)
        body[position] ^= 1
        with pytest.raises(Refused):
            open_batch(key, batch._replace(body=bytes(body)))


@pytest.mark.parametrize("keep", [0, 1, 24, 25, 40, -1])
def test_a_truncated_batch_is_refused(keep: int) -> None:
    key = new_key()
    batch = seal(key, MACHINE, 7, CONTENTS)
    with pytest.raises(Refused):
        open_batch(key, batch._replace(body=batch.body[:keep]))


def test_a_batch_under_another_number_or_machine_is_refused() -> None:
    key = new_key()
    batch = seal(key, MACHINE, 7, CONTENTS)
    for moved in (batch._replace(number=8), batch._replace(machine=OTHER)):
        with pytest.raises(Refused):
            open_batch(key, moved)


def test_a_batch_of_a_newer_segue_is_recognized() -> None:
    key = new_key()
    batch = seal(key, MACHINE, 7, CONTENTS)
    with pytest.raises(NewerVersion):
        open_batch(key, batch._replace(body=b"\x02" + batch.body[1:]))


def test_padded_lengths_are_few_and_little_longer() -> None:
    lengths = {padded(size) for size in range(100, 200_000)}
    assert len(lengths) < 200
    assert all(size <= padded(size) <= size * 1.12 for size in range(100, 200_000))


def test_a_key_comes_back_from_its_line() -> None:
    key = new_key()
    assert parse_line(key.to_line()) == key
    assert parse_line(f"  {key.to_line().upper()} \n") == key


def test_a_line_with_any_letter_changed_is_refused() -> None:
    line = Key(b"\x07" * 32).to_line()
    for position in range(len(line)):
        wrong = "a" if line[position] != "a" else "b"
        with pytest.raises(ValueError, match="invitation"):
            parse_line(line[:position] + wrong + line[position + 1 :])


@pytest.mark.parametrize("line", ["", " ", "segue-1-", "segue-1-ü", "segue-1-" + "a" * 1000, "hello"])
def test_what_is_no_line_is_refused_without_repeating_it(line: str) -> None:
    with pytest.raises(ValueError, match="invitation") as caught:
        parse_line(line)
    assert line.strip() in ("", "segue-1-") or line not in str(caught.value)


def test_the_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    database, key = tmp_path / "sessions.db", new_key()
    write_key(database, key)
    assert key_path(database).stat().st_mode & 0o777 == 0o600
    assert read_key(database) == key
    with pytest.raises(FileExistsError):
        write_key(database, new_key())


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "sessions.db"
    write_key(database, new_key())
    key_path(database).chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        read_key(database)
