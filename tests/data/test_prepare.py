import pytest

from fsqa.data.prepare import check_every_row_counts, prepare_examples, prepare_records
from fsqa.dataset.base import Dataset
from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.prompt import Template
from fsqa.types import SPLITS, Record, Role
from tests.builders import configured

LAYOUT = Template(start=True, segments=[{"context": "{context}"}, {"prompt": "{question}\n"}, {"answer": "{answer}"}])


class Listed(Dataset):
    """Records from lists, counting how often it is read."""

    def __init__(self, fingerprint="1", **splits):
        self.splits, self.name, self.reads = splits, fingerprint, 0

    def records(self, split, dropped):
        self.reads += 1
        dropped["too long"] += 2 * (split == "train")
        yield from self.splits[split]

    def fingerprint(self):
        return self.name


def records_of(*questions):
    return [Record(id=f"r{i}", question=question, answers=("xy",)) for i, question in enumerate(questions)]


def dataset(fingerprint="1", **splits):
    whole = {"train": ("a", "bb", "ccc"), "validation": ("A", "d"), "test": ("bb", "a ", "D", "e")}
    return Listed(fingerprint, **{split: records_of(*questions) for split, questions in (whole | splits).items()})


@pytest.fixture
def prepare(tmp_path, character_tokenizer):
    def prepare(of, layout=LAYOUT, max_length=16, key="tokenizer"):
        records = prepare_records(of, tmp_path)
        encoder = SequenceEncoder(tokenizer=character_tokenizer, max_length=max_length)
        return records, prepare_examples(records, layout, encoder, key, tmp_path)

    return prepare


def test_splits_and_summary(tmp_path):
    prepared = prepare_records(dataset(), tmp_path)
    assert [record.question for record in prepared.splits["test"]] == ["bb", "a ", "D", "e"]
    summary = prepared.summary()
    assert summary["train"] == {"records": 3, "dropped": {"too long": 2}}
    assert summary["test"]["records"] == 4
    assert summary["overlap"] == {"train_validation": 1, "train_test": 2, "validation_test": 2}
    assert summary["sha256"] == prepared.sha256


def test_a_dataset_is_read_once(tmp_path):
    of = dataset()
    first, again = prepare_records(of, tmp_path), prepare_records(of, tmp_path)
    assert of.reads == len(SPLITS)
    assert (first.sha256, first.key, first.summary()) == (again.sha256, again.key, again.summary())
    other = dataset(fingerprint="2", test=("new",))
    changed = prepare_records(other, tmp_path)
    assert other.reads == len(SPLITS)
    assert changed.sha256 != first.sha256
    assert changed.key != first.key


def test_examples_are_the_encoded_records(prepare, character_tokenizer):
    records, examples = prepare(dataset())
    encoder = SequenceEncoder(tokenizer=character_tokenizer, max_length=16)
    for split in SPLITS:
        wanted = encoder.examples([LAYOUT(r) for r in records.splits[split]], ["row"] * len(records.splits[split]))
        stored = examples[split]
        assert [stored[i].ids.tolist() for i in range(len(stored))] == [row.ids.tolist() for row in wanted]
        assert [stored[i].roles.tolist() for i in range(len(stored))] == [row.roles.tolist() for row in wanted]
        assert stored.lengths.tolist() == [len(row.ids) for row in wanted]
        counts = [[int((row.roles[1:] == role).sum()) for role in Role] for row in wanted]
        assert stored.target_counts.tolist() == counts
    tokens = {"prompt": 3 + 6 + 3, "context": 0, "answer": 6, "end": 3}
    assert examples["train"].summary == {
        "truncated_rows": 0,
        "truncated_tokens": 0,
        "cut_answers": 0,
        "tokens": tokens,
    }


def test_truncation_is_counted(prepare):
    _, examples = prepare(dataset(train=("a", "b" * 20, "c" * 21)), max_length=10)
    assert examples["train"].summary["truncated_rows"] == 2
    # start, question and line break have 22 and 23 tokens; 7 are left beside the answer and the end
    assert examples["train"].summary["truncated_tokens"] == 15 + 16
    assert examples["train"].lengths.tolist() == [6, 10, 10]


def test_rows_are_tokenised_once_for_a_prompt_tokenizer_and_length(prepare, character_tokenizer, monkeypatch):
    calls = []
    plain = SequenceEncoder.examples
    monkeypatch.setattr(SequenceEncoder, "examples", lambda self, *rows: calls.append(self) or plain(self, *rows))
    prepare(dataset())
    assert len(calls) == len(SPLITS)
    prepare(dataset())
    assert len(calls) == len(SPLITS)
    other = Template(start=True, segments=[{"prompt": "{question}?"}, {"answer": "{answer}"}])
    for different in ({"layout": other}, {"max_length": 15}, {"key": "another"}):
        calls.clear()
        prepare(dataset(), **different)
        assert len(calls) == len(SPLITS)


def test_answer_that_does_not_fit_names_the_row_and_leaves_nothing(prepare, tmp_path):
    of = dataset()
    of.splits["validation"].append(Record(id="long", question="why", answers=("z" * 15,)))
    with pytest.raises(InputError, match=r"row 'long' \('why'\): the answer has 15 tokens"):
        prepare(of)
    assert list((tmp_path / "examples").iterdir()) == []


@pytest.mark.parametrize("split", SPLITS)
def test_empty_split_is_refused(tmp_path, split):
    with pytest.raises(InputError, match=f"dataset: the {split} split has no question"):
        prepare_records(dataset(**{split: ()}), tmp_path)
    assert list((tmp_path / "records").iterdir()) == []


def test_empty_split_says_what_was_dropped(tmp_path):
    with pytest.raises(InputError, match=r"the train split has no question; dropped: 2 \(too long\)"):
        prepare_records(dataset(train=()), tmp_path)


def test_a_row_in_which_no_token_counts_is_named(prepare):
    of = dataset()
    of.splits["train"][1] = Record(id="bare", question="no context", answers=("x",))
    for i in (0, 2):
        of.splits["train"][i] = Record(id=f"full{i}", question="q", answers=("x",), context="ccc")
    records, examples = prepare(of, max_length=32)
    context = configured("loss", "answer", weights={"context": 1})
    with pytest.raises(InputError, match=r"row 'bare' \('no context'\): no token counts under this loss"):
        check_every_row_counts(context, examples["train"], records.splits["train"])


@pytest.mark.parametrize("name", ["all", "answer", "answer_end", "balanced"])
def test_rows_count_under_every_strategy(prepare, name):
    records, examples = prepare(dataset())
    assert check_every_row_counts(configured("loss", name), examples["train"], records.splits["train"]) is None


def test_cache_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match=r"outputs: cannot write to .*file.*; set outputs="):
        prepare_records(dataset(), tmp_path / "file")
