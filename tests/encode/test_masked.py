import pytest
import torch

from fsqa.encode.base import row_name
from fsqa.encode.masked import masks_for
from fsqa.errors import InputError
from fsqa.model.tokenizer import learn_tokenizer, read_tokenizer
from fsqa.objective.masked import Masked
from fsqa.prompt import Template
from fsqa.types import Record, Role
from tests.builders import LETTERS
from tests.masking import masking_characters, masking_encoder, spelt

LAYOUT = Template(start=True, segments=[{"prompt": "{question}?"}, {"answer": "{answer}"}])
WITH_CONTEXT = Template(
    start=True, segments=[{"context": "{context}"}, {"prompt": "{question}?"}, {"answer": "{answer}"}]
)
NO_START = Template(start=False, segments=[{"prompt": "{question}?"}, {"answer": "{answer}"}])


def record(question="ab", answer="xy", context=""):
    return Record(id="7", question=question, answers=(answer,), context=context)


def encoded(of, layout=LAYOUT, **settings):
    (row,) = masking_encoder(**settings).examples([layout(of)], [row_name(of)])
    return row


def letters(row):
    names = {role: letter for letter, role in LETTERS.items()}
    return "".join(names[role] for role in row.roles.tolist())


@pytest.mark.parametrize(
    ("of", "layout", "text", "roles"),
    [
        (record(), LAYOUT, "^ab?$xy$", "pppppaae"),
        (record(), NO_START, "ab?$xy$", "ppppaae"),
        (record(context="cd"), WITH_CONTEXT, "^cdab?$xy$", "pccppppaae"),
    ],
)
def test_a_row_is_question_separator_answer_and_end(of, layout, text, roles):
    row = encoded(of, layout)
    assert (spelt(row.ids), letters(row)) == (text, roles)
    assert (row.truncated, row.answer_cut) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "targets", "roles", "cut"),
    [("xyz", "xyz$", "aaae", 0), ("wxyz", "wxyz", "aaaa", 1), ("vwxyz", "vwxy", "aaaa", 2)],
)
def test_what_goes_beyond_the_masks_is_cut_and_counted(answer, targets, roles, cut):
    row = encoded(record(answer=answer), masks=4)
    assert spelt(row.ids).removeprefix("^ab?$") == targets
    assert letters(row).removeprefix("ppppp") == roles
    assert row.answer_cut == cut


@pytest.mark.parametrize("answer", ["x", "xyz"])
def test_a_question_leaves_room_for_every_mask_whatever_its_own_answer_needs(answer):
    """Of 12 tokens 4 are masks, 2 separators and 1 the start: 5 are left for the 10 of the question."""
    row = encoded(record("abcdefghi", answer), max_length=12, masks=4)
    assert spelt(row.ids).startswith("^fghi?$")
    assert row.truncated == 5
    seen, _ = masking_encoder(max_length=12, masks=4).masked(torch.tensor([row.ids.tolist()]), torch.tensor([7]))
    assert spelt(seen[0]) == "^fghi?$****$"


def test_context_gives_way_first():
    row = encoded(record("abc", "x", context="defgh"), WITH_CONTEXT, max_length=13, masks=4)
    assert spelt(row.ids) == "^ghabc?$x$"


def test_questions_are_what_training_saw_before_the_answer():
    encoder = masking_encoder()
    prompts = [LAYOUT(record(question, "xyz")) for question in ("a", "abc", "abcdefghijklmnopqrstuvwxyz" * 2)]
    rows = encoder.examples(prompts, ["", "", ""])
    for row, question in zip(rows, encoder.questions(prompts), strict=True):
        assert row.ids.tolist()[:-4] == question.ids.tolist()
        assert row.truncated == question.truncated
        assert set(question.roles.tolist()) == {Role.PROMPT}


def test_what_a_model_sees_of_rows_of_any_length():
    encoder = masking_encoder(masks=3)
    rows = [record("a", "xyz"), record("abc", "w"), record("abcd", "")]
    ids = [row.ids.tolist() for row in encoder.examples([LAYOUT(r) for r in rows[:2]], ["", ""])]
    given = torch.tensor([4, 6])
    for extra in (0, 5):
        width = max(map(len, ids)) + extra
        batch = torch.tensor([row + [9] * (width - len(row)) for row in ids])
        seen, attended = encoder.masked(batch, given)
        assert [spelt(row) for row in seen] == ["^a?$***$$$", "^abc?$***$"]
        assert attended.tolist() == [[1] * 8 + [0] * 2, [1] * 10]


def test_an_answer_that_cannot_be_learned_is_refused_by_name():
    with pytest.raises(InputError, match=r"row '7' \('ab'\): the answer holds the end token '<sep>' itself"):
        encoded(record(answer="x<sep>"))
    with pytest.raises(InputError, match=r"row '7' \('ab'\): the answer '' has no token"):
        encoded(record(answer=""))


def test_masks_that_leave_no_room_are_refused():
    masking_encoder(masks=4, max_length=8)
    with pytest.raises(InputError, match=r"objective\.masks=5 leaves no room for a question in max_length=8; lower it"):
        masking_encoder(masks=5, max_length=8)


def test_tokenizer_without_a_mask_is_refused():
    with pytest.raises(InputError, match=r"objective=masked: the tokenizer has no mask token; .* model=distilbert"):
        Masked(masks=4, coverage=1.0).encoder(learn_tokenizer(iter(["some text"]), 300), 64)


@pytest.mark.parametrize(("coverage", "masks"), [(0.01, 2), (0.5, 3), (0.7, 3), (0.71, 4), (0.9, 5), (0.91, 9), (1, 9)])
def test_masks_for_a_share_of_the_answers(coverage, masks):
    """Ten answers of 1, 1, 2, 2, 2, 2, 2, 3, 4 and 8 letters, each with its end."""
    lengths = [2, 1, 3, 2, 8, 2, 1, 2, 4, 2]
    prompts = [LAYOUT(record(answer="x" * length)) for length in lengths]
    assert masks_for(masking_characters(), iter(prompts), coverage) == masks


def test_fingerprint_tells_the_number_of_masks():
    assert masking_encoder(masks=4).fingerprint != masking_encoder(masks=5).fingerprint


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["z", "##ola"], "zola"),
        (["##ola", "z"], "ola z"),
        (["new", "york", "'", "s"], "new york's"),
        (["[SEP]", "paris", "[PAD]"], "paris"),
        ([], ""),
    ],
)
def test_word_pieces_are_joined(shared, pieces, text):
    tokenizer = read_tokenizer(str(shared / "models" / "bert-base-uncased-vocab"), revision=None)
    encoder = Masked(masks=4, coverage=1.0).encoder(tokenizer, 32)
    assert encoder.decode(tokenizer.convert_tokens_to_ids(pieces)) == text


def test_a_row_of_bert(shared):
    tokenizer = read_tokenizer(str(shared / "models" / "bert-base-uncased-vocab"), revision=None)
    encoder = Masked(masks=4, coverage=1.0).encoder(tokenizer, 32)
    of = record("Who wrote Où est né Zola", "Émile Zola")
    (row,) = encoder.examples([LAYOUT(of)], ["row"])
    assert row.ids.tolist() == tokenizer("who wrote ou est ne zola?", "emile zola")["input_ids"]
    seen, _ = encoder.masked(torch.from_numpy(row.ids)[None].long(), torch.tensor([letters(row).index("a")]))
    assert tokenizer.decode(seen[0]).endswith("zola? [SEP] [MASK] [MASK] [MASK] [MASK] [SEP]")
