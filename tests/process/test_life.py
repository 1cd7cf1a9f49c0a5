from tests.support.process import Segued


def test_a_daemon_that_is_told_to_stop_leaves_nothing_but_its_file(segued: Segued) -> None:
    segued.start()
    assert segued.connect().call("daemon.ping") == "pong"
    assert segued.stop() == 0
    assert sorted(path.name for path in segued.database.parent.iterdir()) == ["sessions.db", "sessions.db.lock"]
    assert not segued.socket.exists()
