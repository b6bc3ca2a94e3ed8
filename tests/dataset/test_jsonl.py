import gzip
import json
import re
from collections import Counter
from pathlib import Path

import datasets
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fsqa.dataset.jsonl import JsonLines
from fsqa.errors import InputError
from fsqa.types import Record

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(scope="module")
def defaults():
    with initialize_config_dir(str(CONF), version_base=None):
        options = OmegaConf.to_container(compose(overrides=["+dataset=jsonl"]).dataset)
    assert options.pop("_target_") == "fsqa.dataset.jsonl.JsonLines"
    return options


@pytest.fixture
def make(defaults):
    return lambda path, **options: JsonLines(**{**defaults, "holdout": {}, "path": path and str(path), **options})


@pytest.fixture
def write(tmp_path):
    def write(name, *rows):
        text = "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
        file = tmp_path / name
        file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return file

    return write


def read(dataset, split="train"):
    return list(dataset.records(split, Counter()))


def error(dataset, split="train"):
    with pytest.raises(InputError) as caught:
        read(dataset, split)
    message = str(caught.value)
    assert "\n" not in message
    return message


SKY = {"question": "what colour is the sky", "answer": ["blue"]}
SEA = {"question": "what colour is the sea", "answer": "green"}


# --- rows ---------------------------------------------------------------------------------------------------------


def test_a_row_becomes_a_record_and_text_is_kept_but_for_white_space_at_its_ends(make, write):
    file = write(
        "questions.jsonl",
        {"id": 7, "q": "  who\u00a0is it? ", "a": [" Ann\u00a0Lee\n", "Ann"], "passage": " Ann. ", "type": "who"},
        "",
        {"q": "where", "a": "here", "passage": None, "type": 3},
    )
    fields = {"id": "id", "question": "q", "answers": "a", "context": "passage", "kind": "type"}
    assert read(make(file, fields=fields)) == [
        Record("7", "who\u00a0is it?", ("Ann\u00a0Lee", "Ann"), "Ann.", "who"),
        Record("questions:3", "where", ("here",), "", "3"),
    ]


@pytest.mark.parametrize("name", ["questions.v1.jsonl", "questions.v1.jsonl.gz"])
def test_plain_and_packed_files_read_alike(make, write, name):
    assert [record.id for record in read(make(write(name, SKY, SEA)))] == ["questions.v1:1", "questions.v1:2"]


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_the_row(make, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(SKY).encode() + b"\r\n\r\n")
    assert read(make(tmp_path / "a.jsonl")) == [Record("a:1", SKY["question"], ("blue",))]


def test_a_line_separator_inside_a_text_does_not_end_the_line(make, write):
    file = write("a.jsonl", {"question": "one\u2028two", "answer": "x\x85y"}, SEA)
    assert [(record.id, record.question) for record in read(make(file))] == [
        ("a:1", "one\u2028two"),
        ("a:2", SEA["question"]),
    ]


def test_repeated_answers_of_a_row_count_once(make, write):
    file = write("a.jsonl", {"question": "q", "answer": ["x", "x ", "y", "x"]}, {"question": "r", "answer": ["z", "z"]})
    assert [record.answers for record in read(make(file))] == [("x", "y"), ("z",)]
    assert [record.answers for record in read(make(file, answers="single"))] == [("z",)]


# --- files and splits ---------------------------------------------------------------------------------------------


def test_a_folder_is_split_by_file_name_in_name_order(make, write, tmp_path):
    write("b_train.jsonl", SKY)
    write("a_train.json.gz", SEA)
    write("dev.jsonl", SKY, SEA)
    write("notes.txt", "not a data file")
    write(".train.jsonl.swp", "an editor's leftovers")
    (tmp_path / "train.jsonl").mkdir()
    dataset = make(tmp_path)
    assert [record.id for record in read(dataset)] == ["a_train:1", "b_train:1"]
    assert [record.id for record in read(dataset, "validation")] == ["dev:1", "dev:2"]
    assert read(dataset, "test") == []


def test_only_splits_without_files_are_held_out(make, write, tmp_path):
    write("train.jsonl", *({"question": f"q{number}", "answer": "x"} for number in range(20)))
    write("dev.jsonl", SKY)
    dataset = make(tmp_path, holdout={"validation": 5, "test": 3})
    sizes = {split: len(read(dataset, split)) for split in ("train", "validation", "test")}
    assert sizes == {"train": 17, "validation": 1, "test": 3}


def test_a_path_is_relative_to_the_current_folder(make, write, monkeypatch, tmp_path):
    write("a.jsonl", SKY)
    monkeypatch.chdir(tmp_path)
    assert len(read(make("a.jsonl"))) == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("fields", {"question": "q", "answers": "a", "contxt": "c"}, r"dataset\.fields has no key 'contxt'.*'context'"),
        ("fields", {"question": None, "answers": "a"}, r"dataset\.fields\.question is not set"),
        ("split_values", {"dev": ["dev"]}, r"dataset\.split_values has no key 'dev'; wanted train, validation, test"),
        ("split_values", {"train": ["a"], "test": ["b", "a"]}, r"dataset\.split_values: 'a' stands there twice"),
        ("empty", "keep", r"dataset\.empty is 'keep'; wanted refuse, drop"),
        ("refusal", " ", r"dataset\.refusal is empty; give the reply that refuses a question, or null"),
        ("files", {"valid": "*"}, r"dataset\.files has no key 'valid'; wanted train, validation, test"),
        ("holdout", {"train": 1}, r"dataset\.holdout has no key 'train'; wanted validation, test"),
        ("holdout", {"test": 1.5}, r"dataset\.holdout\.test is 1\.5; wanted a share below 1 or a whole number"),
        ("holdout", {"test": -0.1}, r"dataset\.holdout\.test is -0\.1"),
        ("holdout", {"test": float("nan")}, r"dataset\.holdout\.test is nan"),
        ("limit", {"train": 0}, r"dataset\.limit\.train is 0; wanted at least 1, or null"),
        ("answers", "last", r"dataset\.answers is 'last'; wanted single, first, all"),
    ],
)
def test_wrong_options_are_refused_before_any_file_is_read(make, option, value, message):
    with pytest.raises(InputError, match=message):
        make("nowhere.jsonl", **{option: value})


# --- answer policies, lengths and limits --------------------------------------------------------------------------


def several(write):
    write("train.jsonl", {"question": "a", "answer": ["1", "22", "333"]}, {"question": "b", "answer": ["44"]})
    return write("test.jsonl", {"question": "c", "answer": ["55", "6"]}, {"question": "d", "answer": ["7"]}).parent


@pytest.mark.parametrize(
    ("policy", "train", "test", "dropped"),
    [
        ("single", [("train:2", ("44",))], [("test:2", ("7",))], {"more than one answer": 1}),
        (
            "first",
            [("train:1", ("1", "22", "333")), ("train:2", ("44",))],
            [("test:1", ("55", "6")), ("test:2", ("7",))],
            {},
        ),
        (
            "all",
            [
                ("train:1#1", ("1", "22", "333")),
                ("train:1#2", ("22", "333", "1")),
                ("train:1#3", ("333", "1", "22")),
                ("train:2", ("44",)),
            ],
            [("test:1", ("55", "6")), ("test:2", ("7",))],
            {},
        ),
    ],
)
def test_what_becomes_of_several_answers(make, write, policy, train, test, dropped):
    dataset = make(several(write), answers=policy)
    for split, wanted in (("train", train), ("test", test)):
        counted = Counter()
        assert [(record.id, record.answers) for record in dataset.records(split, counted)] == wanted
        assert counted == dropped


@pytest.mark.parametrize(
    ("policy", "train", "test"),
    [
        ("single", ["train:2"], []),
        ("first", ["train:2"], ["test:1"]),
        ("all", ["train:1#2", "train:1#3", "train:2"], ["test:1"]),
    ],
)
def test_records_whose_trained_answer_is_too_short_are_dropped_and_counted(make, write, policy, train, test):
    dataset = make(several(write), answers=policy, shortest_answer=2)
    for split, wanted, short in (("train", train, int(policy != "single")), ("test", test, 1)):
        counted = Counter()
        assert [record.id for record in dataset.records(split, counted)] == wanted
        assert counted["answer shorter than 2 characters"] == short


def test_a_limit_samples_the_whole_split_keeps_its_order_and_counts_the_rest(make, write):
    file = write("a.jsonl", *({"question": f"question {number}", "answer": "x"} for number in range(1000)))
    counted = Counter()
    lines = [int(record.id.split(":")[1]) for record in make(file, limit={"train": 100}).records("train", counted)]
    assert counted == {"over dataset.limit.train": 900}
    assert len(lines) == 100
    assert lines == sorted(lines)
    assert [sum(line <= end for line in lines) // 10 for end in (250, 500, 750)] == [2, 4, 7]
    again = [int(record.id.split(":")[1]) for record in read(make(file, limit={"train": 20}))]
    assert set(again) < set(lines)
    other = [int(record.id.split(":")[1]) for record in read(make(file, limit={"train": 100}, holdout_seed=1))]
    assert len(set(other) & set(lines)) < 30


def test_a_limit_above_the_number_of_records_drops_nothing(make, write):
    counted = Counter()
    dataset = make(write("a.jsonl", SKY, SEA), limit={"train": 3})
    assert len(list(dataset.records("train", counted))) == 2
    assert counted == {}


# --- fingerprint --------------------------------------------------------------------------------------------------


def test_the_fingerprint_follows_content_names_and_options_but_not_the_place(make, write, tmp_path):
    file = write("a.jsonl", SKY, SEA)
    first = make(file).fingerprint()
    (tmp_path / "moved").mkdir()
    copy = tmp_path / "moved" / "a.jsonl"
    copy.write_bytes(file.read_bytes())
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert make(copy).fingerprint() == first
    renamed = tmp_path / "b.jsonl"
    renamed.write_bytes(file.read_bytes())
    changed = [make(renamed), make(file, holdout_seed=1), make(file, answers="all"), make(file, limit={"test": 9})]
    copy.write_bytes(file.read_bytes().replace(b"blue", b"grey"))
    digests = {first, make(copy).fingerprint(), *(dataset.fingerprint() for dataset in changed)}
    assert len(digests) == 6


def test_reading_does_not_change_the_fingerprint(make, write):
    dataset = make(write("a.jsonl", SKY, SEA), holdout={"validation": 1})
    before = dataset.fingerprint()
    assert len(read(dataset, "validation")) == 1
    assert dataset.fingerprint() == before


# --- the hub ------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch):
    splits = {
        name: datasets.Dataset.from_list([{"question": f"{name} {row}", "answer": ["x"]} for row in range(rows)])
        for name, rows in {"train": 1500, "dev": 3}.items()
    }
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config: {("someone/some", None): splits}[name, config])
    return {"hub": "someone/some", "hub_splits": {"train": "train", "validation": None, "test": "dev"}}


def test_without_a_path_rows_come_from_the_hub(make, hub):
    dataset = make(None, **hub, holdout={"validation": 10})
    assert [record.id for record in read(dataset, "test")] == ["dev:1", "dev:2", "dev:3"]
    train, validation = read(dataset), read(dataset, "validation")
    assert (len(train), len(validation)) == (1490, 10)
    lines = sorted(int(record.id.split(":")[1]) for record in train + validation)
    assert lines == list(range(1, 1501))


def test_the_fingerprint_of_a_hub_dataset_follows_its_rows(make, hub, monkeypatch):
    first = make(None, **hub).fingerprint()
    assert make(None, **hub).fingerprint() == first
    changed = datasets.Dataset.from_list([{"question": "other", "answer": ["x"]}])
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config: {"train": changed, "dev": changed})
    assert make(None, **hub).fingerprint() != first


def test_hub_errors_say_what_to_do(make, hub, monkeypatch):
    hub["hub_splits"]["test"] = "dew"
    assert error(make(None, **hub), "test") == (
        "dataset.hub_splits: 'someone/some' has no split 'dew' but train, dev; did you mean 'dev'?"
    )
    assert "dataset.hub_splits.train is not set" in error(make(None, hub="someone/some", hub_splits={"test": "dev"}))
    assert error(make(None)) == "dataset.path is not set; give dataset.path=<a file or a folder>"

    def unreachable(name, config):
        raise ConnectionError("Couldn't reach it\nat all")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    assert error(make(None, **hub)) == (
        "dataset.hub: 'someone/some' cannot be loaded (ConnectionError: Couldn't reach it); "
        "without a network give dataset.path=<a file or a folder>"
    )


# --- errors -------------------------------------------------------------------------------------------------------


def test_a_missing_path_is_named_in_full_with_its_nearest_neighbour(make, write, tmp_path):
    write("questions.jsonl", SKY)
    assert error(make(tmp_path / "question.jsonl")) == (
        f"dataset.path: there is no file or folder {tmp_path}/question.jsonl; did you mean 'questions.jsonl'?"
    )
    assert error(make(tmp_path / "no" / "folder")) == f"dataset.path: there is no file or folder {tmp_path}/no/folder"


def test_a_folder_without_training_files_lists_what_it_holds(make, write, tmp_path):
    assert error(make(tmp_path)) == (
        f"dataset.files.train: no file in {tmp_path} matches '*train*.json*'; the folder is empty"
    )
    write("dev.jsonl", SKY)
    assert error(make(tmp_path)).endswith("; the folder holds dev.jsonl")


def test_a_file_of_two_splits_or_two_files_of_one_name_are_refused(make, write, tmp_path):
    write("latest_train.jsonl", SKY)
    assert error(make(tmp_path)) == (
        f"{tmp_path}/latest_train.jsonl matches dataset.files.train and dataset.files.test; narrow the patterns"
    )
    files = {"train": "*train*"}
    write("latest_train.jsonl.gz", SKY)
    assert error(make(tmp_path, files=files)) == (
        f"{tmp_path}/latest_train.jsonl.gz and latest_train.jsonl have one name and would share ids; keep one of them"
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"question": "q", "answer": }', ":2:29: broken JSON (Expecting value); wanted one JSON object a line"),
        ('["q", "a"]', ":2: wanted one JSON object a line, came a list"),
        ("[" * 100_000, ":2: JSON that cannot be read"),
        (
            '{"question": "q", "answer": "a", "answer": "b"}',
            ":2: JSON that cannot be read ('answer' stands twice in one object, and only one of them would be read); "
            "mend the line",
        ),
        (
            {"questoin": "q", "answer": "a"},
            ":2: no field 'question' (dataset.fields.question) among questoin, answer; did you mean 'questoin'?",
        ),
        ({}, ":2: no field 'question' (dataset.fields.question) among none"),
        ({"question": " ", "answer": "a"}, ":2: question: the text is empty; fill it in or remove the row"),
        ({"question": None, "answer": "a"}, ":2: question: wanted a text, came NoneType None; mend the row"),
        ({"question": "q", "answer": []}, ":2: answers: the list is empty; give an answer or remove the row"),
        ({"question": "q", "answer": ["a", ""]}, ":2: answers: the text is empty; fill it in or remove the row"),
        ({"question": "q", "answer": [1988]}, ":2: answers: wanted a text, came int 1988; mend the row"),
        ({"question": "q", "answer": 1988}, ":2: answers: wanted a text or a list of texts, came int; mend the row"),
        ({"question": "q", "answer": None}, ":2: answers: wanted a text or a list of texts, came NoneType"),
        ({"question": "q", "answer": "a", "id": 1.5}, ":2: id: wanted a text, came float 1.5; mend the row"),
        ('{"question": "q \\ud83d", "answer": "a"}', ":2: question: half a surrogate pair in 'q \\ud83d'; mend"),
    ],
)
def test_a_bad_row_is_named_with_its_line(make, write, row, message):
    file = write("bad.jsonl", SKY, row)
    assert error(make(file)).startswith(f"{file}{message}")


def test_a_bad_row_is_found_even_if_another_split_is_asked_for(make, write):
    file = write("bad.jsonl", SKY, SEA, "{")
    assert error(make(file, holdout={"test": 1}), "test").startswith(f"{file}:3:")


@pytest.mark.parametrize("rows", [[], ["", "  "]])
def test_an_empty_file_is_an_error(make, write, rows):
    file = write("empty.jsonl", *rows)
    assert error(make(file)) == f"{file} has no rows; remove it, or give other files in dataset.files.train"


def test_the_same_id_twice_names_both_lines(make, write):
    file = write("twice.jsonl", {"id": "x", **SKY}, SEA, {"id": "x", **SEA})
    assert error(make(file)) == (
        f"{file}:3: the id 'x' stands at {file}:1 already; make the ids differ, or number the rows with "
        "dataset.fields.id=null"
    )
    fields = {"question": "question", "answers": "answer", "id": None}
    assert [record.id for record in read(make(file, fields=fields))] == ["twice:1", "twice:2", "twice:3"]


def test_bytes_that_are_not_utf8_are_named_with_their_place(make, tmp_path):
    file = tmp_path / "latin.jsonl"
    file.write_bytes(json.dumps(SKY).encode() + b'\n{"question": "caf\xe9", "answer": "a"}\n')
    assert error(make(file)) == f"{file}:2: not UTF-8 (byte 0xe9 at column 18); save the file as UTF-8"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda packed: b"no gzip at all", r":1: broken gzip data \(Not a gzipped file"),
        (lambda packed: packed[: len(packed) // 2], r":\d+: broken gzip data \(Compressed file ended before"),
        (lambda packed: packed[:10] + b"\xff" * 50, r":1: broken gzip data \(Error -3 while decompressing"),
        (lambda packed: packed[:-8] + bytes(4) + packed[-4:], r":5001: broken gzip data \(CRC check failed"),
    ],
)
def test_broken_gzip_data_are_an_error(make, tmp_path, spoil, message):
    file = tmp_path / "packed.jsonl.gz"
    file.write_bytes(spoil(gzip.compress((json.dumps(SKY) + "\n").encode() * 5000)))
    found = error(make(file))
    assert re.match(re.escape(str(file)) + message, found)
    assert found.endswith("; fetch or pack the file again")
