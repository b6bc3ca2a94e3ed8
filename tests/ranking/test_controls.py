from collections import Counter

from fsqa.ranking.controls import human_answer, passage_of_another, repeated
from fsqa.types import Record

RECORDS = [
    Record(id=str(i), question=f"question {i}", answers=(), candidates=(f"first {i}", f"second {i}"), relevance=(1, 0))
    for i in range(40)
]


def test_the_query_is_repeated_to_the_mean_length_of_its_passages():
    assert repeated("two words", ["a b c d e f", "a b c d e f g h i j"]) == " ".join(["two words"] * 4)
    assert repeated("two words", ["a"]) == "two words two words"
    assert repeated("two words", []) == "two words two words"
    assert repeated("", ["a b"]).strip() == ""


def test_a_passage_of_another_question():
    drawn = {record.id: passage_of_another(record, RECORDS) for record in RECORDS}
    for record in RECORDS:
        assert drawn[record.id] not in record.candidates
        assert any(drawn[record.id] in other.candidates for other in RECORDS)
        assert drawn[record.id] == passage_of_another(record, RECORDS)
    assert len(set(drawn.values())) > 20, "drawn from all of them"
    places = Counter(text.split()[0] for text in drawn.values())
    assert min(places["first"], places["second"]) > 10, "and from all of their passages"


def test_no_other_question_has_a_passage():
    alone = RECORDS[0]
    assert passage_of_another(alone, [alone]) == ""
    assert passage_of_another(alone, [alone, alone]) == "", "the same question is no other one"
    assert passage_of_another(alone, [alone, Record(id="x", question="x", answers=())]) == ""


def test_human_answer():
    assert human_answer(Record(id="1", question="q", answers=("first", "second"))) == "first"
    assert human_answer(RECORDS[0]) == ""
