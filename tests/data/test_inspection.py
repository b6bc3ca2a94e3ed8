import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from omegaconf import OmegaConf

from fsqa.config.compose import compose_config
from fsqa.config.instantiate import build
from fsqa.data.inspection import Overlap, inspect_records
from fsqa.data.lengths import Lengths, pooled
from fsqa.data.prepare import prepare_examples, prepare_records
from fsqa.data.row_lengths import Tokenised, row_lengths
from fsqa.data.samples import Piece, draw_records, plain_sample, tokenised_sample
from fsqa.dataset.base import Dataset
from fsqa.encode.blocks import BlockEncoder
from fsqa.encode.masked import MaskedEncoder
from fsqa.encode.sequence import SequenceEncoder
from fsqa.encode.windows import WindowEncoder
from fsqa.metrics.answers import normalize
from fsqa.model.word_pieces import learn_word_pieces
from fsqa.prompt.template import Template
from fsqa.types import Record
from tests.builders import characters, configured

PLAIN = Template(start=True, segments=[{"prompt": "{question}?"}, {"context": "{context}"}, {"answer": "{answer}"}])


class Given(Dataset):
    """Records written down in a test."""

    def __init__(self, **splits):
        filler = [Record(id="filler", question="filler", answers=("filler",))]
        self.splits = {"train": filler, "validation": filler, "test": filler, **splits}

    def records(self, split, dropped):
        dropped["too dull"] += split == "train"
        yield from self.splits[split]

    def fingerprint(self):
        return repr(self.splits)


@pytest.fixture
def prepared(tmp_path):
    return lambda **splits: prepare_records(Given(**splits), tmp_path / "cache")


def asked(*rows):
    return [Record(id=str(i), question=row[0], answers=tuple(row[1:])) for i, row in enumerate(rows)]


# --- lengths ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "share", "wanted"),
    [
        ([3], Fraction(1, 2), 3),
        ([1, 2], Fraction(1, 2), 1),
        ([1, 2, 3], Fraction(1, 2), 2),
        ([*range(1, 101)], Fraction(95, 100), 95),
        ([*range(1, 101)], Fraction(99, 100), 99),
        ([*range(1, 101)], Fraction(1), 100),
        ([5] * 99 + [9], Fraction(99, 100), 5),
        ([5] * 98 + [9] * 2, Fraction(99, 100), 9),
    ],
)
def test_length_that_holds_a_share(lengths, share, wanted):
    counted = Lengths(Counter(lengths))
    assert counted.holding(share) == wanted
    assert counted.above(wanted) <= (1 - share) * len(lengths)
    assert counted.above(wanted - 1) > (1 - share) * len(lengths)


def test_summary_of_lengths():
    counted = pooled([Lengths(Counter([1, 1, 4])), Lengths(Counter([4]))])
    assert counted.summary() == {"mean": 2.5, "median": 1, "percentile_95": 4, "longest": 4}
    assert Lengths().summary() == {}


# --- records ------------------------------------------------------------------------------------------------------


def test_what_a_split_holds(prepared):
    rows = [
        Record(id="1", question="Who wrote it?", answers=("Jane Austen", "Austen"), kind="b"),
        Record(id="2", question="who  WROTE it?", answers=("austen.", "the Jane Austen"), kind="b"),  # the same again
        Record(id="3", question="When?", answers=("1811",), kind="b"),
        Record(id="4", question="When?", answers=("1813",), kind="a"),  # contradicts 3
        Record(id="5", question="When?", answers=("1813",), context="a novel", kind="a"),  # another context
        Record(id="6", question="When?", answers=("",), context="a Novel"),
        Record(id="7", question="", answers=(), context="one two three four"),
    ]
    facts = inspect_records(prepared(train=rows)).splits["train"]
    assert facts.summary() == {
        "records": 7,
        "dropped": {"too dull": 1},
        "kinds": {"b": 3, "a": 2, "": 2},
        "answers_per_question": {"mean": 8 / 7, "median": 1, "percentile_95": 2, "longest": 2},
        "words": {
            "question": {"mean": 10 / 6, "median": 1, "percentile_95": 3, "longest": 3},
            "answer": {"mean": 6 / 5, "median": 1, "percentile_95": 2, "longest": 2},
            "context": {"mean": 8 / 3, "median": 2, "percentile_95": 4, "longest": 4},
        },
        "repeated_questions": 3,
        "contradicted_questions": 2,  # "When?" without a context, and in "a novel"
        "empty": {"answer": 2, "context": 4, "question": 1},
    }


def test_what_splits_share(prepared):
    inspection = inspect_records(
        prepared(
            train=asked(("who?", "Ada", "Countess"), ("where?", "London"), ("when?", "1843")),
            validation=asked(("WHO?", "the countess"), ("why?", "Countess"), ("how?", "london!")),
            test=asked(("who?", "Bob"), ("why?", "Countess"), ("x", "1843", "London"), ("y", "z")),
        )
    )
    assert inspection.overlap == {
        ("train", "validation"): Overlap(questions=1, answered_alike=1, answers=1),  # Countess is never taught
        ("train", "test"): Overlap(questions=1, answered_alike=0, answers=1),
        ("validation", "test"): Overlap(questions=2, answered_alike=1, answers=2),
    }


def test_a_question_and_an_answer_that_swap_places_are_another_pair(prepared):
    records = prepared(train=asked(("a", "b"), ("c", "d")), test=asked(("b", "a"), ("a", "d"), ("c", "b")))
    assert inspect_records(records).overlap["train", "test"] == Overlap(questions=2, answered_alike=0, answers=2)


def test_questions_in_two_splits_are_counted_as_the_run_counts_them(prepared):
    records = prepared(train=asked(("who?", "a"), ("where?", "b")), test=asked(("Who?", "c"), ("who?", "d")))
    assert inspect_records(records).overlap["train", "test"].questions == records.overlap["train_test"] == 2


def test_squad_by_other_means(shared, tmp_path):
    """Every figure worked out again from the records, with sets of texts."""
    path = shared / "data" / "squad" / "dev-v2.0.json.gz"
    words = ["dataset=squad_v2", f"dataset.path={path}", "dataset.holdout.test=0.2"]
    records = prepare_records(build(OmegaConf.to_container(compose_config(words).dataset)), tmp_path)
    inspection = inspect_records(records)
    train, test = (list(records.splits[split]) for split in ("train", "test"))

    def folded(text):
        return " ".join(text.casefold().split())

    places = Counter((folded(record.question), folded(record.context)) for record in train)
    ways = {(folded(r.question), folded(r.context), tuple(sorted(map(normalize, r.answers)))) for r in train}
    facts = inspection.splits["train"]
    assert facts.records == len(train) > 8_000
    assert facts.repeated == len(train) - len(places) > 0
    contradicted = Counter(way[:2] for way in ways)
    assert facts.contradicted == sum(count > 1 for count in contradicted.values()) > 0
    assert facts.empty == {"answer": sum(record.answers == ("",) for record in train)}
    lengths = sorted(len(record.context.split()) for record in train)
    assert facts.context_words.summary() == {
        "mean": np.mean(lengths),
        "median": lengths[(len(lengths) - 1) // 2],
        "percentile_95": lengths[-(-95 * len(lengths) // 100) - 1],
        "longest": lengths[-1],
    }
    questions = {folded(record.question) for record in train}
    pairs = {(folded(record.question), normalize(answer)) for record in train for answer in record.answers}
    taught = {normalize(record.answers[0]) for record in train}
    assert inspection.overlap["train", "test"] == Overlap(
        questions=sum(folded(record.question) in questions for record in test),
        answered_alike=sum(any((folded(r.question), normalize(a)) in pairs for a in r.answers) for r in test),
        answers=sum(any(normalize(answer) in taught for answer in record.answers) for record in test),
    )


# --- rows ---------------------------------------------------------------------------------------------------------


def tokenised(records, encoder, tmp_path, layout=PLAIN):
    examples = prepare_examples(records, layout, encoder, "key", tmp_path / "cache")
    lengths = {split: row_lengths(own, examples[split], layout, encoder) for split, own in records.splits.items()}
    return Tokenised(lengths=lengths, examples=examples, encoder=encoder, layout=layout)


def long_and_short():
    """Rows of all lengths from 6 to 45 characters, some with a context."""
    return [
        Record(id=str(i), question="q" * i, answers=("a" * (1 + i % 4),), context="c" * (i % 3)) for i in range(3, 40)
    ]


@pytest.mark.parametrize("max_length", [12, 30, 64])
def test_rows_are_measured_before_they_are_cut(prepared, tmp_path, max_length):
    rows = long_and_short()
    found = tokenised(prepared(train=rows), SequenceEncoder(tokenizer=characters(), max_length=max_length), tmp_path)
    lengths = found.lengths["train"]
    assert lengths.prompt.counts == Counter(1 + len(row.question) + 1 for row in rows)
    assert lengths.context.counts == Counter(len(row.context) for row in rows if row.context)
    assert lengths.answer.counts == Counter(len(row.answers[0]) for row in rows)
    whole = [1 + len(row.question) + 1 + len(row.context) + len(row.answers[0]) + 1 for row in rows]
    assert lengths.row.counts == Counter(whole)
    assert lengths.one_token_answers == sum(len(row.answers[0]) == 1 for row in rows) / len(rows)
    assert found.unit == "row"
    assert found.cut["train"] == lengths.row.above(max_length) == sum(length > max_length for length in whole)


def test_the_length_that_cuts_nothing_cuts_nothing(prepared, tmp_path):
    records, tokenizer = prepared(train=long_and_short(), test=long_and_short()), characters()
    first = tokenised(records, SequenceEncoder(tokenizer=tokenizer, max_length=12), tmp_path)
    none, few = first.length_that_cuts(Fraction(0)), first.length_that_cuts(Fraction(1, 10))
    rows = sum(len(examples) for examples in first.examples.values())
    for length, most in ((none, 0), (few, rows / 10)):
        again = tokenised(records, SequenceEncoder(tokenizer=tokenizer, max_length=length), tmp_path)
        shorter = tokenised(records, SequenceEncoder(tokenizer=tokenizer, max_length=length - 1), tmp_path)
        assert sum(again.cut.values()) <= most < sum(shorter.cut.values())
        assert again.lengths == first.lengths, "how long rows are does not depend on where they are cut"


@pytest.mark.parametrize("masks", [2, 5])
def test_rows_of_masks(prepared, tmp_path, masks):
    words = ["who wrote the novel", "what is it", "emma", "a long answer of several words"]
    tokenizer = learn_word_pieces(iter(words), 120)
    rows = [Record(id=str(i), question=" ".join(words[:2] * (i + 1)), answers=(words[2 + i % 2],)) for i in range(8)]
    records = prepared(train=rows)
    found = {
        length: tokenised(records, MaskedEncoder(tokenizer=tokenizer, max_length=length, masks=masks), tmp_path)
        for length in (20, 400)
    }
    assert found[20].lengths == found[400].lengths
    assert found[20].cut["train"] == found[400].lengths["train"].row.above(20) > 0
    assert found[400].cut["train"] == 0


def test_documents_in_windows(prepared, tmp_path):
    tokenizer = characters()
    tokenizer.cls_token, tokenizer.sep_token = "<s>", "</s>"
    rows = [
        Record(id=str(i), question="who", answers=("x",), context="x" + "c" * i, answer_starts=(0,)) for i in range(30)
    ]
    layout = configured("prompt", "extractive")
    encoder = WindowEncoder(tokenizer=tokenizer, max_length=20, stride=4, max_question_tokens=8)
    found = tokenised(prepared(train=rows, validation=rows, test=rows), encoder, tmp_path, layout)
    assert found.unit == "window"
    assert found.lengths["train"].context.counts == Counter(1 + i for i in range(30))
    assert found.lengths["train"].row.counts == Counter(3 + 3 + 1 + i for i in range(30))
    in_one = np.bincount(found.examples["train"].records) == 1
    assert in_one.sum() == 30 - found.lengths["train"].row.above(20)


def test_documents_in_blocks(prepared, tmp_path):
    rows = [Record(id=str(i), question="", answers=(), context="c" * (i + 1)) for i in range(20)]
    encoder = BlockEncoder(tokenizer=characters(), max_length=16, isolated=True)
    records = prepared(train=rows, validation=rows, test=rows)
    found = tokenised(records, encoder, tmp_path, configured("prompt", "text"))
    assert found.unit == "block"
    assert found.lengths["train"].row.counts == Counter(i + 2 for i in range(20))
    sample = tokenised_sample(rows[3], 3, "train", found, configured("loss", "all"))
    assert sample.pieces == (Piece("answer", "cccc", counts=True), Piece("end", "</s>", counts=True))
    assert sum(sample.tokens.values()) == 16, "the block in which the document begins"


# --- samples ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "wanted"), [(0, {}), (2, {"a": 1, "b": 1}), (3, {"a": 1, "b": 1, "c": 1})])
def test_every_kind_has_its_turn(prepared, count, wanted):
    kinds = "a" * 40 + "b" * 9 + "c"
    rows = [Record(id=str(i), question=str(i), answers=("x",), kind=kind) for i, kind in enumerate(kinds)]
    own = prepared(train=rows).splits["train"]
    drawn = [Counter(own[number].kind for number in draw_records(own, count, seed)) for seed in range(20)]
    assert all(sum(kinds.values()) == count and max(kinds.values(), default=1) == 1 for kinds in drawn)
    assert count != 3 or drawn[0] == wanted


def test_draws_are_distinct_seeded_and_never_more_than_there_are(prepared):
    rows = [Record(id=str(i), question=str(i), answers=("x",), kind="ab"[i % 7 == 0]) for i in range(60)]
    own = prepared(train=rows).splits["train"]
    drawn = draw_records(own, 10, seed=3)
    assert drawn == draw_records(own, 10, seed=3) == sorted(set(drawn))
    assert Counter(own[number].kind for number in drawn) == {"a": 5, "b": 5}
    assert drawn != draw_records(own, 10, seed=4)
    assert draw_records(own, 100) == list(range(60))


@pytest.mark.parametrize(
    ("loss", "counting"),
    [
        ("answer", {"answer": 2}),
        ("answer_end", {"answer": 2, "end": 1}),
        ("all", {"prompt": 4, "context": 5, "answer": 2, "end": 1}),
    ],
)
def test_what_counts_in_a_sample(prepared, tmp_path, loss, counting):
    row = Record(id="x", question="who", answers=("me",), context="a doc", kind="k")
    found = tokenised(prepared(train=[row]), SequenceEncoder(tokenizer=characters(), max_length=30), tmp_path)
    sample = tokenised_sample(row, 0, "train", found, configured("loss", loss))
    texts = [("prompt", "<s>"), ("prompt", "who?"), ("context", "a doc"), ("answer", "me"), ("end", "</s>")]
    assert [(piece.role, piece.text) for piece in sample.pieces] == texts
    assert [piece.counts for piece in sample.pieces] == [False, *(role in counting for role, _ in texts[1:])]
    assert sample.tokens == {"prompt": 5, "context": 5, "answer": 2, "end": 1}
    assert sample.counting == counting


def test_a_sample_without_tokens():
    row = Record(id="x", question="who", answers=("me", "I"), kind="k")
    sample = plain_sample(row)
    assert [(piece.role, piece.text, piece.counts) for piece in sample.pieces] == [
        ("prompt", "who", False),
        ("answer", "me", False),
    ]
    assert json.dumps(sample.tokens) == "{}"
