"""What a dataset is told to hold, what is written of it, and runs that are tested on questions of one's own."""

import json
import re
from pathlib import Path

import pytest

from tests.commands.lines import TINY, call, read_lines, refusal, train

DATA = [word for word in TINY if word.startswith(("dataset.", "model."))]
ROWS = [{"id": f"r{i}", "question": f"who is number {i}?", "answer": [f"person {i}", f"{i}"]} for i in range(40)]


@pytest.fixture(autouse=True)
def width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def write(name, *rows):
    Path(name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return name


def told(*words):
    outcome = call("data", *words)
    assert outcome.code == 0, outcome.err
    return outcome.out


def values(*words):
    return json.loads(told(*words, "--json"))


def cells(out, label):
    """The cells of the first line that begins with a label; two blanks part them."""
    line = next(line for line in out.splitlines() if line.startswith(label))
    return re.split(r"\s{2,}", line.removeprefix(label).strip())


# --- told ---------------------------------------------------------------------------------------------------------


def test_tables():
    out = told(*DATA, "--samples", "3", "max_length=14", "generation.max_new_tokens=8")
    assert out.splitlines()[0].strip() == "dataset=atlas model=tiny_gpt_neo prompt=closed_book"
    assert cells(out, "records") == ["196", "20", "20"]
    assert cells(out, "repeat an earlier one") == ["–", "–", "–"]
    assert cells(out, "answer is one of training") == ["20", "100.0 %", "20", "100.0 %"]
    assert re.search(r"^words +question +train +\d+\.\d +\d+ +\d+ +\d+$", out, re.MULTILINE)
    assert re.search(r"^tokens +prompt +train +\d+\.\d +\d+ +\d+ +\d+$", out, re.MULTILINE)
    assert re.search(r"^max_length=\d+ would cut no row of any split, \d+ at most 1 % of them$", out, re.MULTILINE)
    assert re.search(r"^\d+ more +\d+ +\d+\.\d %", out, re.MULTILINE), "kinds beyond the most frequent"
    assert len(re.findall(r"^atlas-train-\d+  \w+$", out, re.MULTILINE)) == 3
    assert (
        len(re.findall(r"\[<\|end\|>\]\n.*: prompt 0 of \d+, answer (\d) of \1, end 1 of 1$", out, re.MULTILINE)) == 3
    )


def test_rows_that_are_cut_are_those_that_a_run_tells_of():
    words = (*TINY, "max_length=14", "generation.max_new_tokens=8")
    found = values(*words, "--samples", "0")
    outcome = call("train", *words)
    assert outcome.code == 0, outcome.err
    cut = {split: part["rows"]["truncated_rows"] for split, part in found["splits"].items()}
    assert cut["train"] > 0
    for split, count in cut.items():
        assert f"{count:,} {split} rows cut to max_length=14" in outcome.err
    assert found["max_length"]["chosen"] == 14 < found["max_length"]["that_cuts_1_percent"]
    assert f"max_length={found['max_length']['that_cuts_none']} would cut no row" in told(*words)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_width(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert max(map(len, told(*DATA).splitlines())) <= int(columns)


def test_json_holds_what_the_tables_do():
    rows = [*ROWS, {**ROWS[0], "id": "again", "answer": "somebody else"}, {**ROWS[1], "id": "twice"}]
    words = (*DATA[:1], "dataset=jsonl", f"dataset.path={write('own.jsonl', *rows)}", "dataset.answers=first")
    words = [word for word in words if not word.startswith(("dataset.questions", "dataset.test", "dataset.valid"))]
    found = values(*words, "model.vocabulary=400", "dataset.holdout.test=0.2", "--samples", "2")
    assert set(found) == {"choices", "splits", "overlap", "max_length", "refusal", "samples"}
    splits = found["splits"]
    assert sum(part["records"] for part in splits.values()) == 42
    assert sum(part["repeated_questions"] for part in splits.values()) == 2, "equal questions stay on one side"
    assert sum(part["contradicted_questions"] for part in splits.values()) == 1
    assert found["overlap"]["train_test"]["questions"] == 0
    assert splits["train"]["tokens"]["row"]["longest"] <= 64
    assert splits["train"]["rows"]["unit"] == "row"
    assert found["refusal"] is None
    assert [len(samples) for samples in found["samples"].values()] == [2]


def test_samples_of_another_split_and_of_none():
    assert "atlas-test-" in told(*DATA, "--split", "test", "loss=all")
    assert "atlas-" not in told(*DATA, "--samples", "0")


def test_without_a_tokenizer_all_else_is_told():
    out = told(*DATA[-3:], "model=pretrained", "model.path=nobody/nothing", "--samples", "1")
    assert "a run would stop here: model: cannot load the tokenizer of 'nobody/nothing'" in out
    assert cells(out, "records") == ["196", "20", "20"]
    assert "tokens" not in out
    assert "would cut" not in out
    assert re.search(r"^atlas-train-\d+  \w+\n.+\?\n.+$", out, re.MULTILINE), "question and answer as they are"
    found = values(*DATA[-3:], "model=pretrained", "model.path=nobody/nothing")
    assert found["splits"]["train"]["tokens"] is None
    assert "nobody/nothing" in found["refusal"]


def test_a_row_that_would_stop_a_run_is_named_and_all_else_told():
    rows = [*ROWS, {"question": "why?", "answer": "so " * 200}]
    path = write("long.jsonl", *rows)
    holdout = "dataset.holdout={validation: 2, test: 2}"
    words = ("dataset=jsonl", f"dataset.path={path}", holdout, "model.vocabulary=400")
    out = told(*words)
    assert re.search(
        r"a run would stop here: row 'long:41' \('why\?'\): the answer has \d+ tokens", " ".join(out.split())
    )
    assert cells(out, "records")[1:] == ["2", "2"]
    assert re.search(r"^tokens +prompt +train", out, re.MULTILINE), "the lengths of all rows are told"
    assert "records of the train split\n" in out, "as they are, not as a prompt lays them out"
    enough = re.search(r"^max_length=(\d+) would cut no row of any split", out, re.MULTILINE)[1]
    assert values(*words)["max_length"]["that_cuts_none"] == int(enough)
    assert values(*words)["splits"]["train"]["rows"] is None
    mended = values(*words, f"max_length={enough}")
    assert (mended["refusal"], mended["splits"]["train"]["rows"]["truncated_rows"]) == (None, 0)
    assert values(*words, f"max_length={int(enough) - 1}")["splits"]["train"]["rows"]["truncated_rows"] == 1


def test_loss_under_which_nothing_counts_is_told():
    out = told(*DATA, "loss.weights={prompt: 0, answer: 0, end: 0, context: 1}")
    assert "no token counts under this loss" in " ".join(out.split())
    assert re.search(r"^tokens +prompt", out, re.MULTILINE)


def test_blocks():
    Path("docs").mkdir()
    for i in range(12):
        Path("docs", f"{i}.txt").write_text(f"document {i} " + "one and two and three " * i)
    out = told("experiment=language_model", "dataset.path=docs", "model.vocabulary=300", "max_length=32")
    assert "blocks of max_length=32" in out
    assert "answers" not in out
    assert "would cut" not in out


# --- written ------------------------------------------------------------------------------------------------------


def test_written_records_are_the_same_dataset():
    """All splits, read back from a folder by ``dataset=jsonl``, make the same data."""
    for split in ("train", "validation", "test"):
        out = told(*DATA, "--split", split, "--output", f"folder/{split}.jsonl")
        assert re.fullmatch(rf"folder/{split}.jsonl  \d+ {split} records\n", out)
    row = read_lines(Path("folder/test.jsonl"))[0]
    assert list(row) == ["id", "question", "answer", "context", "kind"]
    own = values(*DATA, "--samples", "0")
    again = values("dataset=jsonl", "dataset.path=folder", "dataset.fields.kind=kind", *DATA[:2], "--samples", "0")
    del own["choices"], again["choices"]
    assert own == again


def test_what_is_left_out_of_the_file_is_counted():
    path = write("own.jsonl", *ROWS)
    words = ("dataset=jsonl", f"dataset.path={path}", "dataset.answers=single", "dataset.holdout.validation=0")
    line = refusal(call("data", *words, "--output", "none.jsonl"))
    assert line == "--output: the train split has no records; take another with --split"
    write("some.jsonl", *ROWS, {"question": "one?", "answer": "one"})
    out = told(*words, "dataset.path=some.jsonl", "dataset.holdout.test=0", "--output", "one.jsonl")
    assert out == "one.jsonl  1 train records\n  40 left out: more than one answer\n"


def test_nothing_is_written_over_and_nothing_half():
    Path("there.jsonl").write_text("mine")
    assert "there.jsonl is there already; name another file" in refusal(call("data", *DATA, "--output", "there.jsonl"))
    assert Path("there.jsonl").read_text() == "mine"
    path = write("bad.jsonl", *ROWS, {"question": "why?", "answer": ""})
    words = ("dataset=jsonl", f"dataset.path={path}", "dataset.holdout={validation: 0, test: 0}")
    assert "bad.jsonl:41: answer" in refusal(call("data", *words, "--output", "new.jsonl"))
    assert sorted(entry.name for entry in Path().iterdir()) == ["bad.jsonl", "there.jsonl"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("los=all",), "los: there is no key 'los'; did you mean 'loss'?"),
        (("dataset=jsonl",), "dataset.path: a value is wanted and none was given"),
        (("dataset=jsonl", "dataset.path=nowhere"), "dataset.path: there is no file or folder"),
        (("loss=all,answer",), "is a sweep over several values; one is wanted here"),
        (("--samples", "-1"), "--samples: wanted 0 or more, got -1"),
        (("--sample", "1"), "unrecognized arguments: --sample"),
        (("--split", "tset"), "argument --split: invalid choice: 'tset'"),
        (("--json", "--output", "x"), "take one of them"),
        (("test_questions=nowhere.jsonl",), "test_questions: there is no file"),
    ],
)
def test_bad_input(words, line):
    assert line in refusal(call("data", *words))


# --- a test of one's own --------------------------------------------------------------------------------------------


def test_a_run_tested_on_ones_own_questions():
    path = write(
        "mine.jsonl",
        {"question": "Who painted it?", "answer": "Ada"},
        {"id": "b", "question": "Where?", "answers": ["here", "there"], "kind": "place"},
    )
    outputs = Path("outputs")
    outcome = call("train", *TINY, f"test_questions={path}")
    assert outcome.code == 0, outcome.err
    assert "fsqa: note: 20 test questions left out: the dataset's own, whose place test_questions takes" in outcome.err
    own = Path(outcome.out.split("  ")[0])
    rows = read_lines(own / "predictions.jsonl")
    assert [(row["id"], row["kind"], row["references"]) for row in rows] == [
        ("mine:1", "", ["Ada"]),
        ("b", "place", ["here", "there"]),
    ]
    plain = train(outputs)
    assert plain != own, "another test is another run"
    histories = [
        [{name: value for name, value in line.items() if name.startswith("train/loss")} for line in read_lines(path)]
        for path in (own / "history.jsonl", plain / "history.jsonl")
    ]
    assert histories[0] == histories[1], "it learns the same"
    assert any(histories[0])
    assert call("train", *TINY, f"test_questions={path}").out.endswith("(already done)\n")
    write(path, {"question": "Who?", "answer": "Bob"})
    assert "the data has changed since this run was started" in refusal(call("train", *TINY, f"test_questions={path}"))


def test_questions_of_ones_own_that_stand_in_training_are_told():
    question = json.loads(told(*DATA, "--samples", "1", "--json"))["samples"]["train"][0]["pieces"]
    asked = next(piece["text"] for piece in question if piece["role"] == "prompt" and "?" in piece["text"])
    path = write("mine.jsonl", {"question": asked.strip(), "answer": "x"}, {"question": "new?", "answer": "y"})
    found = values(*DATA, f"test_questions={path}")
    assert found["splits"]["test"]["records"] == 2
    assert found["overlap"]["train_test"] == {"questions": 1, "answered_alike": 0, "answers": 0}


def test_broken_questions_leave_no_run():
    path = write("mine.jsonl", {"question": "Who?"})
    assert "mine.jsonl:1: wanted one of 'answer' and 'answers'" in refusal(
        call("train", *TINY, f"test_questions={path}")
    )
    assert not list(Path("outputs").glob("*/*/status.json"))


def test_plain_text_has_no_questions():
    Path("docs").mkdir()
    Path("docs", "a.txt").write_text("a")
    path = write("mine.jsonl", {"question": "Who?", "answer": "x"})
    words = ("experiment=language_model", "dataset.path=docs", f"test_questions={path}")
    assert "test_questions: prompt.text='{context}' shows no question" in refusal(call("train", *words))
    assert not Path("outputs").exists()
