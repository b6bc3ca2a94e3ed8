import gzip
import json
from collections import Counter

import pytest

from fsqa.dataset.documents import EMPTY
from fsqa.errors import InputError
from fsqa.types import Record
from tests.builders import configured


def documents(path, **changes):
    return configured("dataset", "documents", path=str(path), **{"holdout": {}, **changes})


def ids(dataset, split="train"):
    return [record.id for record in dataset.records(split, Counter())]


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def rows(*texts, **fields):
    return "".join(json.dumps({"text": text, **fields}) + "\n" for text in texts)


def test_a_text_file_is_one_document_and_a_row_is_another(tmp_path):
    folder = write(
        tmp_path,
        {
            "b.txt": " \ufeffTwo\r\n\nlines \n",
            "a/c.txt.gz": "packed",
            "d.jsonl": rows("one", " two "),
            "e.jsonl.gz": rows("three", id=7),
            "notes.md": "not read",
            ".hidden.txt": "not read",
        },
    )
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbf Two\r\n\nlines \n")
    records = list(documents(folder).records("train", Counter()))
    assert records == [
        Record(id="a/c.txt", question="", answers=(), context="packed"),
        Record(id="b.txt", question="", answers=(), context="Two\r\n\nlines"),
        Record(id="d.jsonl:1", question="", answers=(), context="one"),
        Record(id="d.jsonl:2", question="", answers=(), context="two"),
        Record(id="7", question="", answers=(), context="three"),
    ]


def test_splits_by_folder_and_by_name(tmp_path):
    folder = write(
        tmp_path,
        {
            "train/latest.txt": "a",  # neither "latest" nor "invalid" has to do with a split
            "invalid.txt": "b",
            "validation/x.txt": "c",
            "test/deep/y.txt": "d",
            "test.jsonl": rows("e"),
        },
    )
    dataset = documents(folder, holdout={"validation": 0.5, "test": 0.5})
    assert ids(dataset) == ["invalid.txt", "train/latest.txt"]
    assert ids(dataset, "validation") == ["validation/x.txt"]
    assert ids(dataset, "test") == ["test.jsonl:1", "test/deep/y.txt"]


def test_parts_are_held_out_and_equal_documents_stay_together(tmp_path):
    texts = [f"text {i // 2}" for i in range(40)]
    folder = write(tmp_path, {"all.jsonl": rows(*texts)})
    dataset = documents(folder, holdout={"validation": 4, "test": 0.2})
    parts = {split: ids(dataset, split) for split in ("train", "validation", "test")}
    assert [len(part) for part in parts.values()] == [28, 4, 8]
    assert len(set().union(*parts.values())) == 40
    contents = [{r.context for r in dataset.records(split, Counter())} for split in parts]
    assert not contents[0] & contents[1]
    assert not contents[0] & contents[2]
    again = documents(folder, holdout={"validation": 4, "test": 0.2})
    assert ids(again, "test") == parts["test"]
    assert ids(documents(folder, holdout={"test": 0.2}, holdout_seed=1), "test") != parts["test"]


def test_a_limit_and_empty_documents_are_counted(tmp_path):
    folder = write(tmp_path, {"a.txt": " \n", "b.jsonl": rows("x", "", "y", "z")})
    dropped = Counter()
    kept = list(documents(folder, limit={"train": 2}).records("train", dropped))
    assert len(kept) == 2
    assert dropped == {EMPTY: 2, "over dataset.limit.train": 1}


def test_the_fingerprint_follows_content_and_options_but_not_the_place(tmp_path):
    one, two = (write(tmp_path / name, {"a.txt": "text"}) for name in ("one", "two"))
    same = documents(one).fingerprint()
    assert documents(two).fingerprint() == same
    assert documents(one, holdout_seed=1).fingerprint() != same
    write(one, {"a.txt": "other"})
    assert documents(one).fingerprint() != same


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.md": "x"}, r"no file in .* matches .*; the folder holds a.md"),
        ({"a.jsonl": '{"text": "x"\n'}, "a.jsonl:1:13: broken JSON"),
        ({"a.jsonl": "[1]\n"}, "a.jsonl:1: wanted one JSON object a line, came a list"),
        ({"a.jsonl": '{"txt": "x"}\n'}, r"no field 'text' \(dataset.fields.text\) among txt; did you mean 'txt'"),
        ({"a.jsonl": '{"text": 3}\n'}, "a.jsonl:1: text: wanted a text, came int 3"),
        ({"a.jsonl": '{"text": "\\ud800"}\n'}, "a.jsonl:1: text: half a surrogate pair"),
        ({"a.jsonl": rows("x", "y", id="1")}, "a.jsonl:2: another document has the id '1' already"),
    ],
)
def test_broken_files_are_named(tmp_path, files, told):
    with pytest.raises(InputError, match=told):
        list(documents(write(tmp_path, files)).records("train", Counter()))


def test_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"fine\n\xff")
    with pytest.raises(InputError, match=r"a.txt:2: not UTF-8"):
        list(documents(tmp_path).records("train", Counter()))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fields": {"txt": "a"}}, "dataset.fields has no key 'txt'"),
        ({"fields": {"text": None}}, "dataset.fields.text is not set"),
        ({"holdout": {"train": 0.1}}, "dataset.holdout has no key 'train'"),
        ({"holdout": {"test": 1.5}}, "dataset.holdout.test is 1.5"),
        ({"limit": {"test": 0}}, "dataset.limit.test is 0"),
    ],
)
def test_bad_options_are_refused(tmp_path, changes, told):
    with pytest.raises(InputError, match=told):
        documents(tmp_path, **changes)


def test_a_missing_folder_is_told_with_the_nearest_name(tmp_path):
    (tmp_path / "docs").mkdir()
    with pytest.raises(InputError, match=r"dataset.path: there is no file or folder .*doc; did you mean 'docs'"):
        documents(tmp_path / "doc").fingerprint()
