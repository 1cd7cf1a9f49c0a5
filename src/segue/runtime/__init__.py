"""The parts that the daemon and its clients share at run time: the lock, the record file and the peer credentials."""
