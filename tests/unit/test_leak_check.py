"""The check of each test's log finds the content of clients, and nothing else."""

import pytest

from tests.support.leak_check import Said, check_secrecy

TEXT = "what a person wrote to a model"


@pytest.fixture
def client() -> Said:
    said = Said()
    said.note({"messages": [{"role": "user", "content": TEXT, "parts": [{"text": "and also this text"}]}]})
    return said


def test_a_text_in_the_log_is_found(client: Said) -> None:
    for text in (TEXT, "and also this text"):
        with pytest.raises(AssertionError):
            check_secrecy([f"2026 INFO segue: {text}\n"], [client], "/tmp/x")


def test_a_text_in_a_debug_line_is_allowed(client: Said) -> None:
    check_secrecy([f"2026 DEBUG segue: {TEXT}\n", "2026 INFO segue: started\n"], [client], "/tmp/x")


def test_a_text_in_the_error_of_another_client_is_found_but_not_in_its_own(client: Said) -> None:
    client.note_error({"message": TEXT})
    check_secrecy([], [client, Said()], "/tmp/x")
    other = Said()
    other.note_error({"data": {"reason": TEXT}})
    with pytest.raises(AssertionError):
        check_secrecy([], [client, other], "/tmp/x")


def test_the_folder_of_the_test_is_allowed() -> None:
    client = Said()
    client.note({"working_dir": "/tmp/folder/of/a"})
    check_secrecy(["INFO ready on /tmp/folder/of/a/test/s.sock\n"], [client], "/tmp/folder/of/a/test")
