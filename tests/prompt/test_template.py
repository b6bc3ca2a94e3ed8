import pytest

from fsqa.errors import InputError
from fsqa.prompt import Template
from fsqa.types import Prompt, Record, Role, Segment
from tests.builders import configured

RECORD = Record(id="1", question="who wrote emma", answers=("jane austen", "austen"), context="Emma is a novel.")


def template(*segments, start=True):
    return Template(start=start, segments=list(segments))


@pytest.mark.parametrize(
    ("name", "given", "answer"),
    [
        ("closed_book", "who wrote emma\n", "jane austen"),
        ("joined", "who wrote emma?", "jane austen"),
        ("question_answer", "Question: who wrote emma\nAnswer:", " jane austen"),
    ],
)
def test_files_of_conf(name, given, answer):
    assert configured("prompt", name)(RECORD) == Prompt(
        given=(Segment(Role.PROMPT, given),), answer=(Segment(Role.ANSWER, answer),), start=True
    )


def test_segments_keep_their_order_and_roles():
    layout = template(
        {"prompt": "Q: {question} "}, {"context": "{context}"}, {"prompt": " A:"}, {"answer": " {answer}."}
    )
    assert layout(RECORD).given == (
        Segment(Role.PROMPT, "Q: who wrote emma "),
        Segment(Role.CONTEXT, "Emma is a novel."),
        Segment(Role.PROMPT, " A:"),
    )
    assert layout(RECORD).answer == (Segment(Role.ANSWER, " jane austen."),)


def test_empty_segments_are_left_out():
    layout = template({"context": "{context}"}, {"prompt": "{question}"}, {"answer": "{answer}"}, start=False)
    bare = Record(id="1", question="why", answers=("so",))
    assert layout(bare) == Prompt((Segment(Role.PROMPT, "why"),), (Segment(Role.ANSWER, "so"),), start=False)


def test_doubled_braces_are_plain_and_braces_in_a_record_stay():
    layout = template({"prompt": "{{q}} {question}"}, {"answer": "{{{answer}}}"})
    record = Record(id="1", question="what is {x}", answers=("{answer}",))
    assert layout(record).given[0].text == "{q} what is {x}"
    assert layout(record).answer[0].text == "{{answer}}"


ANSWER = {"answer": "{answer}"}


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ([], r"prompt\.segments: wanted at least"),
        ([{"prompt": "{question}"}], r"prompt\.segments: wanted one answer segment, at the end"),
        ([ANSWER, {"prompt": "{question}"}], r"prompt\.segments: wanted one answer segment, at the end"),
        ([{"prompt": "{question}"}, ANSWER, ANSWER], r"prompt\.segments: wanted one answer segment, at the end"),
        ([{"promt": "{question}"}, ANSWER], r"prompt\.segments\[0\]: no role named 'promt'; did you mean 'prompt'\?"),
        ([{"prompt": "{question}"}, {"end": "!"}], r"prompt\.segments\[1\]: no role named 'end'"),
        ([{"prompt": "a", "context": "b"}, ANSWER], r"prompt\.segments\[0\]: wanted one 'role: text' pair"),
        ([{}, ANSWER], r"prompt\.segments\[0\]: wanted one 'role: text' pair"),
        (["{question}", ANSWER], r"prompt\.segments\[0\]: wanted one 'role: text' pair"),
        ([{"prompt": 3}, ANSWER], r"prompt\.segments\[0\]\.prompt: wanted text, got int 3"),
        ([{"prompt": None}, ANSWER], r"prompt\.segments\[0\]\.prompt: wanted text, got NoneType None"),
        ([{"prompt": "{question"}, ANSWER], r"prompt\.segments\[0\]\.prompt: .*write \{\{ and \}\} for plain braces"),
        ([{"prompt": "question}"}, ANSWER], r"prompt\.segments\[0\]\.prompt: .*write \{\{ and \}\} for plain braces"),
        ([{"prompt": "{queston}"}, ANSWER], r"\[0\]\.prompt: no field '\{queston\}' here; did you mean 'question'\?"),
        ([{"prompt": "{}"}, ANSWER], r"prompt\.segments\[0\]\.prompt: no field '\{\}' here"),
        ([{"prompt": "{question.__class__}"}, ANSWER], r"prompt\.segments\[0\]\.prompt: no field"),
        ([{"prompt": "{answer}"}, ANSWER], r"prompt\.segments\[0\]\.prompt: no field '\{answer\}' here"),
        ([{"prompt": "{question:{context}}"}, ANSWER], r"prompt\.segments\[0\]\.prompt: "),
        ([{"prompt": "{question:d}"}, ANSWER], r"prompt\.segments\[0\]\.prompt: "),
        ([{"prompt": "Q"}, {"answer": "{question}"}], r"prompt\.segments\[1\]\.answer: no field '\{question\}' here"),
        ([{"prompt": "Q"}, {"answer": "yes"}], r"prompt\.segments\[1\]\.answer: wanted \{answer\} once, got 'yes'"),
        ([{"prompt": "Q"}, {"answer": "{answer} {answer}"}], r"prompt\.segments\[1\]\.answer: wanted \{answer\} once"),
    ],
)
def test_refused(segments, message):
    with pytest.raises(InputError, match=message):
        template(*segments)


@pytest.mark.parametrize("given", [[], [{"prompt": ""}], [{"context": "{context}"}]])
def test_refused_where_nothing_need_stand_before_the_answer(given):
    """Else the first answer token has no prediction, and a record without context cannot be asked."""
    assert template(*given, ANSWER, start=True)(Record(id="1", question="why", answers=("so",))).given == ()
    with pytest.raises(InputError, match=r"prompt: nothing stands before the answer; .*prompt\.start=true"):
        template(*given, ANSWER, start=False)


def test_formats_are_filled_as_python_fills_them():
    text = "{{%}} {question}{question}\\n {context} }}{{"
    layout = Template(start=False, segments=[{"prompt": text}, {"answer": "{{a}} {answer}!"}])
    record = Record(id="1", question="{who} %s", answers=("{x}",), context="\\é")
    prompt = layout(record)
    assert prompt.given[0].text == text.format(question="{who} %s", context="\\é")
    assert prompt.answer[0].text == "{a} {x}!"
