from collections import Counter

import pytest

from fsqa.dataset import spool
from fsqa.dataset.spool import CHUNK, Spool
from fsqa.types import Record
from tests.dataset.presets import preset, read

RECORDS = [
    Record(id=str(i), question=f"où {i}?", answers=("a", "b"), context="c" * (i % 3), relevance=(i,), kind="k")
    for i in range(2 * CHUNK + 5)
]


def kept(dropped=None):
    new = Spool()
    list(new.keeping(iter(RECORDS), Counter(empty=3), Counter() if dropped is None else dropped))
    return new


def test_records_come_again_as_they_were():
    first, again = Counter(other=1), Counter()
    of = kept(first)
    assert of.whole
    assert list(of.records(again)) == RECORDS
    assert (first, again) == (Counter(other=1, empty=3), Counter(empty=3))
    assert list(zip(of.records(Counter()), of.records(Counter()), strict=True)) == list(
        zip(RECORDS, RECORDS, strict=True)
    )


def test_a_reading_that_was_broken_off_is_not_kept():
    of = Spool()
    next(of.keeping(iter(RECORDS), Counter(), Counter()))
    assert not of.whole


def test_a_disk_that_cannot_be_written_to_is_no_error(monkeypatch):
    def full():
        raise OSError("no space left")

    monkeypatch.setattr(spool, "TemporaryFile", full)
    of = Spool()
    assert list(of.keeping(iter(RECORDS), Counter(), Counter())) == RECORDS
    assert not of.whole


@pytest.mark.parametrize("answers", ["first", "single", "all"])
def test_a_file_is_parsed_once_for_all_splits_and_gives_the_same(tmp_path, monkeypatch, answers):
    lines = [f'{{"question": "q {i}", "answer": {["a", "b"][: 1 + i % 2]}}}'.replace("'", '"') for i in range(60)]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))

    def made():
        options = (f"answers={answers}", "holdout={validation: 0.3, test: 0.2}", "limit={validation: 7, train: 20}")
        return preset("jsonl", tmp_path / "train.jsonl", *options)

    of, parsed = made(), []
    plain = type(of)._record
    monkeypatch.setattr(type(of), "_record", lambda self, *row: parsed.append(row) or plain(self, *row))
    found = {split: read(of, split) for split in ("train", "validation", "test")}
    assert len(parsed) == 60
    monkeypatch.setattr(type(of), "_is_read_again", lambda *_: False)
    again = made()
    assert found == {split: read(again, split) for split in found}
    assert len(parsed) > 3 * 60
