import pytest

from fsqa.encode.punctuation import closed_up
from fsqa.metrics.answers import exact_match
from fsqa.model.tokenizer import read_tokenizer


@pytest.mark.parametrize(
    "text",
    [
        "new york's",
        "spider-man",
        "2017–18",
        "and/or",
        "3.5 million",
        "10:30 am",
        "10,000",
        "1,234,567",
        "may 1, 2017",
        "st. louis, missouri",
        "r&b singer",
        "mother & child",
        "$20",
        "50% (about)",
        "who? me!",
    ],
)
def test_what_bert_cuts_apart_is_put_together_again(shared, text):
    tokenizer = read_tokenizer(str(shared / "models" / "bert-base-uncased-vocab"), revision=None)
    back = closed_up(tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]))
    assert exact_match(back, (text,)) == 1
    assert " ".join(back.split()) == back


@pytest.mark.parametrize("text", ["", "paris", "the 12 apostles", "a . b", "may 1, 2017 and 18"])
def test_what_needs_nothing_stays(text):
    assert closed_up(text) == text
