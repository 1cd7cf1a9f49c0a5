"""Questions in natural language find their answers: sections of the manual, stored as messages."""

from tests.socket.search.questions import QUESTIONS, sections
from tests.support.wire import Wire

FIRST = 10


def test_any_word_finds_the_answers_of_most_questions_where_all_words_find_none(wire: Wire, session: str) -> None:
    stored = sections()
    messages = [{"role": "assistant", "content": section.text} for section in stored]
    ids = wire.call("message.append_many", session_id=session, messages=messages)["message_ids"]
    answers = {(section.page, section.heading): id for id, section in zip(ids, stored, strict=True)}

    def share(match: str) -> float:
        found = 0
        for question, *place in QUESTIONS:
            hits = wire.call("message.search", query=question, match=match, limit=FIRST)["hits"]
            found += answers.get((place[0], place[1])) in [hit["message_id"] for hit in hits]
        return found / len(QUESTIONS)

    assert len(QUESTIONS) > 70
    assert share("words") < 0.1  # Each page of the manual that is added may have all words of another question.
    assert share("any") > 0.76
