import json
from pathlib import Path

import pytest

from tests.commands.lines import call, read_lines, refusal


@pytest.fixture(scope="module")
def written(tiny_run):
    return json.loads((tiny_run / "metrics.json").read_text())


def evaluated(*words: object) -> dict[str, float]:
    outcome = call("evaluate", *words, "--json")
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


@pytest.mark.parametrize(("split", "name"), [("test", "test"), ("validation", "val")])
def test_the_same_figures_as_the_run(tiny_run, written, split, name):
    assert evaluated(tiny_run, f"split={split}") == pytest.approx(written[name], abs=1e-6)


def test_the_run_stays_as_it_is(tiny_run):
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    evaluated(tiny_run)
    assert before == {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}


def test_another_decoding(tiny_run, written):
    metrics = evaluated(tiny_run, "generation.max_new_tokens=1")
    assert metrics["answer_length"] <= 1
    assert metrics["answer_nll"] == pytest.approx(written["test"]["answer_nll"], abs=1e-6)
    assert evaluated(tiny_run, "generation.batch_size=3") == pytest.approx(written["test"], abs=1e-6)


def test_output(tiny_run):
    metrics = evaluated(tiny_run, "generation.max_new_tokens=2", "--output", "scores/deeper")
    content = json.loads(Path("scores/deeper/metrics.json").read_text())
    assert content["test"] == metrics
    assert content["run"] == tiny_run.name
    assert content["generation"]["max_new_tokens"] == 2
    rows = read_lines(Path("scores/deeper/predictions.jsonl"))
    assert [row["id"] for row in rows] == [row["id"] for row in read_lines(tiny_run / "predictions.jsonl")]


@pytest.mark.parametrize("columns", ["80", "100"])
def test_table(tiny_run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    outcome = call("evaluate", tiny_run)
    assert outcome.code == 0
    assert "exact match" in outcome.out.lower()
    assert max(map(len, outcome.out.splitlines())) <= int(columns)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["splt=test"], "there is no key 'splt'; did you mean 'split'?; the keys are generation, split"),
        (["split=tset"], "split: wanted one of train, validation, test, got 'tset'; did you mean 'test'?"),
        (["generation.max_new_toknes=1"], "did you mean 'max_new_tokens'?"),
        (["generation.max_new_tokens=many"], "generation.max_new_tokens: wanted a whole number, got 'many'"),
        (["generation.max_new_tokens=0"], "generation.max_new_tokens: wanted 1 or more, got 0"),
        (["generation.max_new_tokens=64"], "leaves no room for a question in max_length=64"),
        (["generation=beam"], "generation=beam: there is no such generation; the options are greedy"),
        (["seed=3"], "there is no key 'seed'"),
        (["split=test,train"], "is a sweep over several values"),
        (["--output", "file/deeper"], "--output: cannot write to file/deeper: Not a directory"),
        (["--jsn"], "unrecognized arguments: --jsn; did you mean '--json'?"),
    ],
)
def test_bad_input(tiny_run, words, told):
    Path("file").write_text("", encoding="utf-8")
    assert told in refusal(call("evaluate", tiny_run, *words))
