from tests.support.wire import Wire


def test_a_ping_is_answered_with_pong(wire: Wire) -> None:
    assert wire.call("daemon.ping") == "pong"
