import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from fsqa.encode.blocks import BlockEncoder, document_numbers
from fsqa.errors import InputError
from fsqa.prompt import Text
from fsqa.types import Record, Role
from tests.builders import characters

NAMES = {Role.PROMPT: "s", Role.ANSWER: "a", Role.END: "e", Role.OPENING: "o"}
TOKENIZER = characters()


def encoded(texts, max_length=8, isolated=True, start=False):
    layout = Text(start=start, text="{context}")
    prompts = [layout(Record(id=str(i), question="", answers=(), context=text)) for i, text in enumerate(texts)]
    encoder = BlockEncoder(tokenizer=TOKENIZER, max_length=max_length, isolated=isolated)
    return encoder.examples(prompts, [f"row '{i}'" for i in range(len(texts))])


def spelled(block):
    special = {0: "^", 1: "$"}
    ids = "".join(special.get(i) or TOKENIZER.decode([i]) for i in block.ids.tolist())
    return ids, "".join(NAMES[role] for role in block.roles.tolist()), block.record


@pytest.mark.parametrize(
    ("options", "blocks"),
    [
        # c is repeated, so that d is predicted; the second document begins with its block
        ({"max_length": 3}, [("abc", "oaa", 0), ("cd$", "aae", 0), ("ef$", "oae", 1)]),
        ({"max_length": 5}, [("abcd$", "oaaae", 0), ("ef$", "oae", 1)]),
        ({"max_length": 6}, [("abcd$e", "oaaaeo", 0), ("ef$", "oae", 1)]),
        ({"max_length": 64}, [("abcd$ef$", "oaaaeoae", 0)]),
        ({"max_length": 6, "start": True}, [("^abcd$", "oaaaae", 0), ("^ef$", "oaae", 1)]),
        # one long text: every token follows the one before, document or not
        ({"max_length": 5, "isolated": False}, [("abcd$", "aaaae", 0), ("$ef$", "eaae", 0)]),
        ({"max_length": 6, "isolated": False, "start": True}, [("^abcd$", "saaaae", 0), ("$^ef$", "esaae", 0)]),
    ],
)
def test_blocks_by_hand(options, blocks):
    found = encoded(["abcd", "ef"], **options)
    assert [spelled(block) for block in found] == blocks
    assert all((block.ids.dtype, block.roles.dtype, block.truncated) == (np.int32, np.uint8, 0) for block in found)


def test_documents_are_told_apart_by_their_ends():
    roles = np.array([[NAME for name in "oaaeoaeo" for NAME, letter in NAMES.items() if letter == name]])
    assert document_numbers(roles).tolist() == [[0, 0, 0, 0, 1, 1, 1, 2]]


@given(
    texts=st.lists(st.text(alphabet="abcdefgh", min_size=1, max_size=20), min_size=1, max_size=8),
    max_length=st.integers(3, 12),
    isolated=st.booleans(),
    start=st.booleans(),
)
@budget(max_examples=200)
def test_every_token_is_a_target_once_and_belongs_to_its_document(texts, max_length, isolated, start):
    blocks = encoded(texts, max_length, isolated, start)
    targets = dict.fromkeys(range(len(texts)), "")
    for place, block in enumerate(blocks):
        assert 2 <= len(block.ids) <= max_length
        assert len(block.ids) == max_length or place == len(blocks) - 1
        numbers = block.record + document_numbers(block.roles)
        counted = np.isin(block.roles, [Role.ANSWER, Role.END])
        counted[0] = False
        assert counted.any()  # no block without something to learn
        for token, number in zip(block.ids[counted].tolist(), numbers[counted].tolist(), strict=True):
            targets[number] += "$" if token == 1 else TOKENIZER.decode([token])
    # What nothing predicts is the first letter, of every document or of the whole text, unless a start token opens it.
    for number, text in enumerate(texts):
        is_first = isolated or number == 0
        assert targets[number] == (text if start or not is_first else text[1:]) + "$"


def test_documents_without_a_token_or_with_an_end_are_named():
    with pytest.raises(InputError, match=r"row '1': the text has no token"):
        encoded(["a", ""])
    with pytest.raises(InputError, match=r"row '0': the text holds the end token '</s>' itself"):
        encoded(["a</s>b"])


def test_isolation_changes_the_fingerprint():
    prints = [
        BlockEncoder(tokenizer=TOKENIZER, max_length=8, isolated=isolated).fingerprint for isolated in (True, False)
    ]
    assert prints[0] != prints[1]
    assert prints[0][:2] == ["BlockEncoder", 8]
