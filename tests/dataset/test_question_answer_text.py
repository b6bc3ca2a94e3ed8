import pytest

from fsqa.errors import InputError
from fsqa.types import REFUSAL, Record
from tests.dataset.presets import counts, error, preset, read

NO_HOLDOUT = ("holdout.validation=0", "holdout.test=0")


@pytest.fixture
def write(tmp_path):
    def write(text, name="QA.txt"):
        (tmp_path / name).write_bytes(text.encode())
        return tmp_path / name

    return write


def test_pairs_in_straight_quotes_in_curly_ones_and_in_none(write):
    file = write(
        'Question:"What is a compass for?"\nAnswer:"It tells where north is."\n\n\n'
        "Question: “Who steers?”\r\nAnswer:“The helmsman.”\r\n\r\n"
        "  Question: Where to?  \nAnswer: North."
    )
    assert read(preset("question_answer_text", file, *NO_HOLDOUT))[0] == [
        Record("QA:1", "What is a compass for?", ("It tells where north is.",)),
        Record("QA:5", "Who steers?", ("The helmsman.",)),
        Record("QA:8", "Where to?", ("North.",)),
    ]


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ('"The Question: line, then Answer: and a Question"', "The Question: line, then Answer: and a Question"),
        ('"North,\nmostly.\nQuestions differ."', "North,\nmostly.\nQuestions differ."),
        ('"He said "north" and "west""', 'He said "north" and "west"'),
        ('"North" is said', '"North" is said'),
        ('It is "north"', 'It is "north"'),
        ('"North" and "west"', '"North" and "west"'),
        ("“North” and “west”", "“North” and “west”"),
        ('""North" and "west""', '"North" and "west"'),
        ('"12" by 14""', '12" by 14"'),
        ('"', '"'),
    ],
    ids=[
        "prefix_inside",
        "lines",
        "nested",
        "opening",
        "closing",
        "several",
        "several_curly",
        "several_inside",
        "inches",
        "one_mark",
    ],
)
def test_answers_are_kept_to_the_letter_but_for_the_quotes_around_them(write, answer, wanted):
    file = write(f"Question:Where?\nAnswer:{answer}\nQuestion: And then?\nAnswer: West.\n")
    records, _ = read(preset("question_answer_text", file, *NO_HOLDOUT))
    assert [r.answers for r in records] == [(wanted,), ("West.",)]


def test_refusals_are_told_by_their_reply(write):
    reply = "Please ask about ships."
    pairs = [(f"On topic {i}?", f"Yes {i}.") for i in range(12)] + [(f"Off topic {i}?", reply) for i in range(8)]
    file = write("\n\n".join(f'Question:"{question}"\nAnswer:"{answer}"' for question, answer in pairs))
    dataset = preset(
        "question_answer_text", file, f"refusal='{reply.lower()}'", "holdout.validation=5", "holdout.test=5"
    )
    assert counts(dataset) == (10, 5, 5)
    for split, refusals in (("train", 4), ("validation", 2), ("test", 2)):  # 40 %, as the holdout is stratified by kind
        assert sum(r.kind == REFUSAL for r in read(dataset, split)[0]) == refusals


def test_other_prefixes(write):
    file = write("Q: a\nA: b\n\nQ: c\nA: d\n")
    dataset = preset("question_answer_text", file, "question_prefix='Q:'", "answer_prefix='A:'", *NO_HOLDOUT)
    assert [(r.question, r.answers[0]) for r in read(dataset)[0]] == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Question: a\n\nAnswer: b\n",
            "QA.txt:1: wanted one line that begins with 'Answer:' for the question, came none; mend the pair",
        ),
        (
            "Question: a\nAnswer: b\n\nnotes\n",
            "QA.txt:4: wanted a line that begins with 'Question:', came 'notes'; a pair has no blank line in it",
        ),
        (
            "\nQuestion: a\nAnswer: b\nAnswer: c\n",
            "QA.txt:2: wanted one line that begins with 'Answer:' for the question, came 2, the second on line 4; mend "
            "the pair",
        ),
        ("Question:\nAnswer: b\n", "QA.txt:1: question: the text is empty; fill it in or remove the row"),
        ('Question: a\nAnswer:""\n', "QA.txt:1: answers: the text is empty; fill it in or remove the row"),
        ("\n\n", "QA.txt has no rows; remove it, or give other files in dataset.files.train"),
    ],
    ids=["no_answer", "neither", "two_answers", "empty_question", "empty_answer", "nothing"],
)
def test_broken_files(write, text, message):
    assert error(preset("question_answer_text", write(text))) == message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("question_prefix=' '", "dataset.question_prefix is empty; give what such a line begins with"),
        ("answer_prefix='Question:'", "dataset.answer_prefix is dataset.question_prefix, 'Question:'; change one"),
    ],
    ids=["empty", "equal"],
)
def test_wrong_options(write, override, message):
    with pytest.raises(InputError, match=message):
        preset("question_answer_text", write(""), override)
