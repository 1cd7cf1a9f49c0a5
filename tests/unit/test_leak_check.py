"""The look at every test's log: it finds what it should, and nothing else."""

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


def test_at_debug_it_may_stand(client: Said) -> None:
    check_secrecy([f"2026 DEBUG segue: {TEXT}\n", "2026 INFO segue: started\n"], [client], "/tmp/x")


def test_a_text_in_another_client_s_error_is_found_and_in_one_s_own_not(client: Said) -> None:
    client.note_error({"message": TEXT})
    check_secrecy([], [client, Said()], "/tmp/x")
    other = Said()
    other.note_error({"data": {"reason": TEXT}})
    with pytest.raises(AssertionError):
        check_secrecy([], [client, other], "/tmp/x")


def test_the_test_s_own_folder_may_stand_anywhere() -> None:
    client = Said()
    client.note({"working_dir": "/tmp/folder/of/a"})
    check_secrecy(["INFO ready on /tmp/folder/of/a/test/s.sock\n"], [client], "/tmp/folder/of/a/test")
