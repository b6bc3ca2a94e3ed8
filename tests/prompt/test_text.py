import json

import pytest
from transformers import GPT2Tokenizer

from fsqa.errors import InputError
from fsqa.model.tokenizer import read_tokenizer
from fsqa.prompt import Text
from fsqa.types import Prompt, Record, Role, Segment
from tests.builders import configured, learned

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


def passages(shared):
    """Queries with a passage each, as MS MARCO has them."""
    path = shared / "data" / "ranking" / "msmarco_v1.1_sample.jsonl"
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line:
            row = json.loads(line)
            text = row["passages"]["passage_text"][0]
            yield Record(id=str(row["query_id"]), question=row["query"], answers=(), context=text)


def same_beginning(layout, tokenizer, record):
    """Whether what is given has the very tokens that the whole text begins with."""
    (whole,), (given,) = layout(record).answer, layout.opening(record).given
    ids, wanted = (tokenizer(part.text, add_special_tokens=False)["input_ids"] for part in (given, whole))
    return wanted[: len(ids)] == ids


@pytest.mark.parametrize("gap", [" ", "\n", "\n\n"])
def test_what_is_given_has_the_tokens_that_were_learned(shared, gap):
    records = list(passages(shared))
    assert len(records) > 100
    folders = shared / "models"
    tokenizers = {
        "gpt2": GPT2Tokenizer.from_pretrained(folders / "gpt2-tokenizer"),
        "learned": learned(400),
        "tinystories": read_tokenizer(str(folders / "tinystories-656k"), None),  # puts the blank behind a word
    }
    beginning = f"{{question}}{gap}"
    for name, tokenizer in tokenizers.items():
        layout = Text(start=False, text=f"{beginning}{{context}}", beginning=beginning).bound(tokenizer)
        same = sum(same_beginning(layout, tokenizer, record) for record in records)
        assert same >= 0.99 * len(records), name
        if name != "tinystories":
            assert same == len(records), name


def test_the_blank_goes_where_the_tokenizer_has_it(shared):
    for place, wanted in (("gpt2-tokenizer", "who wrote emma?"), ("tinystories-656k", "who wrote emma ")):
        tokenizer = read_tokenizer(str(shared / "models" / place), None)
        record = Record(id="1", question=wanted.strip(), answers=(), context="Jane did.")
        layout = Text(start=True, text="{question} {context}", beginning="{question} ").bound(tokenizer)
        assert layout.opening(record) == Prompt(given=(Segment(Role.PROMPT, wanted),), answer=(), start=True)
        assert layout(record) == layout.layout(record)


def test_a_text_without_a_beginning_asks_nothing():
    layout = configured("prompt", "text").bound(learned())
    assert layout(DOCUMENT) == Prompt(given=(), answer=(Segment(Role.ANSWER, DOCUMENT.context),), start=False)
    with pytest.raises(InputError, match=r"prompt\.beginning: null leaves nothing to ask with"):
        layout.opening(DOCUMENT)


def test_an_empty_beginning_is_refused_unless_a_token_opens_the_row():
    text = {"text": "{question} {context}", "beginning": "{question} "}
    with pytest.raises(InputError) as refused:
        Text(start=False, **text).bound(learned()).opening(DOCUMENT)
    assert str(refused.value).startswith("row 'a.txt': prompt.beginning='{question} ' comes out empty")
    assert Text(start=True, **text).bound(learned()).opening(DOCUMENT).given == (Segment(Role.PROMPT, ""),)


@pytest.mark.parametrize(
    ("beginning", "told"),
    [
        ("{context}", r"prompt\.beginning: wanted what prompt\.text='\{question\} \{context\}' begins with"),
        ("{question} {context}", "and not the whole of it"),
        ("Query: ", "which is the same for every record"),
        ("{answer}", r"prompt\.beginning: no field '\{answer\}' here"),
        ("{question", r"prompt\.beginning: .* for plain braces"),
    ],
)
def test_bad_beginnings_are_refused(beginning, told):
    with pytest.raises(InputError, match=told):
        Text(start=False, text="{question} {context}", beginning=beginning)
