import pytest

from fsqa.errors import InputError
from fsqa.prompt import Text
from fsqa.types import Prompt, Record, Role, Segment

DOCUMENT = Record(id="a.txt", question="", answers=(), context="It was {so}.\nThe end.")
QUESTION = Record(id="1", question="who wrote emma?", answers=("jane austen", "austen"), context="Emma is a novel.")


@pytest.mark.parametrize(
    ("text", "record", "wanted"),
    [
        ("{context}", DOCUMENT, "It was {so}.\nThe end."),
        ("{question} {answer}", QUESTION, "who wrote emma? jane austen"),
        ("{{{question}}} {context}", QUESTION, "{who wrote emma?} Emma is a novel."),
        ("{answer}{context}", DOCUMENT, "It was {so}.\nThe end."),
    ],
)
def test_every_word_is_to_be_said(text, record, wanted):
    for start in (False, True):
        prompt = Text(start=start, text=text)(record)
        assert prompt == Prompt(given=(), answer=(Segment(Role.ANSWER, wanted),), start=start)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{contxt}", r"prompt.text: no field '\{contxt\}' here; did you mean 'context'\?"),
        ("the same", "prompt.text: wanted .* in it, got 'the same'"),
        ("", "prompt.text: wanted"),
        ("{context:>5}", "without ':' or '!'"),
        ("{context", "prompt.text: .* for plain braces"),
    ],
)
def test_bad_texts_are_refused(text, told):
    with pytest.raises(InputError, match=told):
        Text(start=False, text=text)
