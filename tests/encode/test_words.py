import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from fsqa.encode import words
from fsqa.encode.sequence import SequenceEncoder, cut_given
from fsqa.encode.words import WordMemory, word_pattern
from fsqa.errors import InputError
from fsqa.model.tokenizer import read_tokenizer, with_added_tokens
from fsqa.model.word_pieces import learn_word_pieces
from fsqa.types import Prompt, Role, Segment
from tests.builders import learned

KINDS = ("gpt2", "learned", "bert", "learned_pieces", "characters", "stories")
SPLIT_FIRST = ("gpt2", "learned", "bert", "learned_pieces")
AWKWARD = [
    *(
        "",
        " ",
        "  ",
        "   who",
        "who   ",
        "a  b   c",
        "\n",
        "\n\n a\n",
        "\t\tx \r\n y",
        "it's we'll I'd don't 'S",
        "'s's",
    ),
    *(
        "1st of 23 in 2018?!",
        "a-b_c/d\\e",
        "...",
        " ?",
        "naïve café 🚁",
        "日本 x",
        "a\u00a0b",
        "x\u200by",
        "\u2028",
        "a\x1fb",
    ),
    *("a\x00b", "\x00", "<|endoftext|>", "a<|end|>b", "[SEP] [MASK]", "<TAG> x", "ſ K", "e\u0301", "A" * 300, "##ing"),
]


@pytest.fixture(scope="module")
def tokenizers(shared, character_tokenizer):
    models = shared / "models"
    return {
        "gpt2": read_tokenizer(str(models / "gpt2-tokenizer"), None),
        "learned": learned(),
        "bert": read_tokenizer(str(models / "bert-base-uncased-vocab"), None),
        "learned_pieces": learn_word_pieces(iter(["who wrote emma", "jane austen"]), 400),
        "characters": character_tokenizer,
        "stories": read_tokenizer(str(models / "tinystories-656k"), None),
    }


def plain(tokenizer, texts):
    return tokenizer(texts, add_special_tokens=False)["input_ids"]


def remembered(memory, texts):
    pieces = memory.pieces(texts)
    assert pieces.values.dtype == np.int32
    return [pieces[i].tolist() for i in range(len(pieces))]


@pytest.mark.parametrize("kind", KINDS)
def test_awkward_texts(tokenizers, kind):
    memory, tokenizer = WordMemory(tokenizers[kind]), tokenizers[kind]
    for texts in (
        AWKWARD,
        AWKWARD[::-1],
        [text for text in AWKWARD if "\0" not in text],
        *([text] for text in AWKWARD),
    ):
        assert remembered(memory, texts) == plain(tokenizer, texts)
    assert remembered(memory, []) == []


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(st.text(max_size=30) | st.text(st.characters(max_codepoint=127), max_size=40), max_size=6))
@budget(max_examples=100)
def test_any_texts(tokenizers, kind, texts):
    assert remembered(WordMemory(tokenizers[kind]), texts) == (plain(tokenizers[kind], texts) if texts else [])


@pytest.mark.parametrize("kind", SPLIT_FIRST)
def test_real_questions(tokenizers, shared, kind):
    with gzip.open(shared / "data/nq_open/NQ-open.train.part.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(1500), strict=False)]
    texts = [text for row in rows for text in (row["question"], *row["answer"])]
    memory = WordMemory(tokenizers[kind])
    assert word_pattern(tokenizers[kind]) is not None
    for start in range(0, len(texts), 400):
        assert remembered(memory, texts[start : start + 400]) == plain(tokenizers[kind], texts[start : start + 400])


def test_a_word_goes_to_the_tokenizer_once(tokenizers, monkeypatch):
    memory, asked = WordMemory(tokenizers["gpt2"]), []
    tokenise = memory._plain
    monkeypatch.setattr(memory, "_plain", lambda texts: asked.extend(texts) or tokenise(texts))
    memory.pieces(["who wrote emma", "who wrote persuasion"])
    memory.pieces(["who wrote emma", "wh\u00f6"])
    assert asked == ["who", " wrote", " emma", " persuasion", "wh\u00f6"]


def test_limits_change_nothing(tokenizers, monkeypatch):
    monkeypatch.setattr(words, "MOST_WORDS", 3)
    monkeypatch.setattr(words, "MOST_LETTERS", 10)
    memory, texts = WordMemory(tokenizers["gpt2"]), ["a b c d", "who wrote emma by jane", "é", "b c", ""]
    for _ in range(2):
        assert remembered(memory, texts) == plain(tokenizers["gpt2"], texts)


def test_tokens_added_later_are_met():
    tokenizer = learned()
    memory, texts = WordMemory(tokenizer), ["who <TAG> wrote", "emma"]
    before = remembered(memory, texts)
    with_added_tokens(tokenizer, ["<TAG>"])
    assert remembered(memory, texts) == plain(tokenizer, texts) != before


@pytest.mark.parametrize("kind", ["characters", "stories"])
def test_an_unknown_split_is_left_to_the_tokenizer(tokenizers, kind):
    assert word_pattern(tokenizers[kind]) is None


def by_hand(encoder, prompt):
    """A row built token by token."""
    given = [plain(encoder.tokenizer, [segment.text])[0] for segment in prompt.given]
    answer = [token for segment in prompt.answer for token in plain(encoder.tokenizer, [segment.text])[0]]
    excess = max(0, prompt.start + sum(map(len, given)) + len(answer) + 1 - encoder.max_length)
    ids, roles = [encoder.start_id] * prompt.start, [Role.PROMPT] * prompt.start
    for segment, piece in zip(prompt.given, cut_given(prompt, given, excess), strict=True):
        ids += piece
        roles += [segment.role] * len(piece)
    return [*ids, *answer, encoder.end_id], [*roles, *[Role.ANSWER] * len(answer), Role.END], excess


WORDS = st.text(st.sampled_from("ab 1?é\n"), max_size=12)
PROMPTS = st.builds(
    lambda given, answer, start: Prompt(
        tuple(Segment(role, text) for role, text in given), (Segment(Role.ANSWER, answer),), start
    ),
    st.lists(st.tuples(st.sampled_from([Role.PROMPT, Role.CONTEXT]), WORDS), max_size=4),
    st.text(st.sampled_from("ab é"), min_size=1, max_size=5),
    st.booleans(),
)


@pytest.mark.parametrize("kind", ["gpt2", "characters"])
@given(prompts=st.lists(PROMPTS, max_size=6), max_length=st.integers(16, 40))
@budget(max_examples=100)
def test_rows_are_those_built_token_by_token(tokenizers, kind, prompts, max_length):
    encoder = SequenceEncoder(tokenizer=tokenizers[kind], max_length=max_length)
    rows = encoder.examples(prompts, [str(i) for i in range(len(prompts))])
    found = [(row.ids.tolist(), row.roles.tolist(), row.truncated) for row in rows]
    assert found == [by_hand(encoder, prompt) for prompt in prompts]
    assert [row.record for row in rows] == list(range(len(prompts)))


def test_the_first_row_that_cannot_be_is_named(tokenizers):
    def asked(answer):
        return Prompt((Segment(Role.PROMPT, "who"),), (Segment(Role.ANSWER, answer),), start=True)

    encoder = SequenceEncoder(tokenizer=tokenizers["gpt2"], max_length=8)
    bad = {"": "has no token", "a b c d e f g h": "8 tokens", "x<|endoftext|>": "holds the end token"}
    for first, message in bad.items():
        prompts = [asked("fine"), asked(first), *map(asked, bad)]
        with pytest.raises(InputError, match=f"^row 1: the answer .*{message}"):
            encoder.examples(prompts, [f"row {i}" for i in range(len(prompts))])
