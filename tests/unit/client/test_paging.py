"""Pages of list methods: what the next request asks for."""

from types import SimpleNamespace

from segue.client.paging import Pager


def test_a_scan_without_hits_is_continued_at_its_cursor() -> None:
    pager = Pager("message.search", {"query": "x", "match": "regex"})
    pager.add(SimpleNamespace(hits=[], next_cursor="regex-best.5.0"))
    assert pager.next_params() == {"query": "x", "match": "regex", "limit": 200, "cursor": "regex-best.5.0"}
    pager.add(SimpleNamespace(hits=[], next_cursor=None))
    assert pager.next_params() is None
