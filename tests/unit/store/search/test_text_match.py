"""A query against single texts: the same matches as in the index."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.store.search.text.text_match import TextMatch
from tests.support.database import Database, emptied

TEXTS = st.text(st.sampled_from([*'aabBcé19 .-_*"今天ไท👍']), max_size=20)


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, query=TEXTS)
def test_a_text_matches_if_a_message_with_it_is_found(file: Database, text: str, query: str) -> None:
    database = emptied(file)
    database.append(database.session("s", name=None), text)
    for asked in (query, text[len(text) // 2 :], f"{text[:4]}*"):
        assert (TextMatch(asked).score(text) is not None) == bool(database.find(asked)), asked
