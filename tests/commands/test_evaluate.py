import json
from pathlib import Path

import pytest

from tests.commands.lines import call, read_lines, refusal, train


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


@pytest.mark.parametrize(
    "words",
    [
        ["generation=beams", "generation.num_beams=2"],
        ["generation=sampling", "generation.temperature=2", "generation.top_k=50", "generation.repetition_penalty=1.3"],
    ],
)
def test_another_way_of_answering(tiny_run, written, words):
    """Other answers, the same model: what is predicted under teacher forcing stays."""
    assert evaluated(tiny_run, *words, "--output", "scores")["answer_nll"] == pytest.approx(
        written["test"]["answer_nll"], abs=1e-6
    )
    said = [row["prediction"] for row in read_lines(Path("scores/predictions.jsonl"))]
    assert said != [row["prediction"] for row in read_lines(tiny_run / "predictions.jsonl")]
    assert evaluated(tiny_run, *words, "generation.batch_size=3", "--output", "again")
    assert said == [row["prediction"] for row in read_lines(Path("again/predictions.jsonl"))]


@pytest.mark.parametrize("kind", ["bfloat16", "int8", "nf4"])
def test_fewer_bits(tiny_run, written, kind):
    metrics = evaluated(tiny_run, f"quantization={kind}", "--output", "scores")
    assert 0 < abs(metrics["answer_nll"] - written["test"]["answer_nll"]) < 0.1
    assert json.loads(Path("scores/metrics.json").read_text())["quantization"] == kind


def test_a_run_keeps_its_own_way_of_answering(tmp_path_factory):
    run = train(tmp_path_factory.mktemp("sampled") / "outputs", "generation=sampling", "generation.seed=3")
    own = json.loads((run / "metrics.json").read_text())["test"]
    assert evaluated(run, "generation.batch_size=7", "--output", "same") == pytest.approx(own, abs=1e-6)
    same = [row["prediction"] for row in read_lines(Path("same/predictions.jsonl"))]
    assert same == [row["prediction"] for row in read_lines(run / "predictions.jsonl")]
    evaluated(run, "generation.seed=4", "--output", "other")
    assert same != [row["prediction"] for row in read_lines(Path("other/predictions.jsonl"))]


def test_the_change_is_shown_beside_the_run(tiny_run, written, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert "the run" not in call("evaluate", tiny_run).out
    outcome = call("evaluate", tiny_run, "generation.max_new_tokens=1")
    assert outcome.out.splitlines()[1].split() == ["now", "the", "run", "change"]
    (length,) = [line for line in outcome.out.splitlines() if line.startswith("Answer length")]
    now, own, change = map(float, length.split()[2:5])
    assert own == pytest.approx(written["test"]["answer_length"], abs=0.01)
    assert change == pytest.approx(now - own, abs=0.01)
    (likelihood,) = [line for line in outcome.out.splitlines() if line.startswith("Answer NLL")]
    assert likelihood.split()[4] == "="


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
        (["splt=test"], "no key 'splt'; did you mean 'split'?; the keys are generation, quantization, split"),
        (["split=tset"], "split: wanted one of train, validation, test, got 'tset'; did you mean 'test'?"),
        (["generation.max_new_toknes=1"], "did you mean 'max_new_tokens'?"),
        (["generation.max_new_tokens=many"], "generation.max_new_tokens: wanted a whole number, got 'many'"),
        (["generation.max_new_tokens=0"], "generation.max_new_tokens: wanted 1 or more, got 0"),
        (["generation.max_new_tokens=64"], "leaves no room for a question in max_length=64"),
        (["generation=beam"], "generation=beam: there is no such generation; did you mean 'beams'?"),
        (["generation=fill"], "generation: objective=causal cannot answer by Fill; set generation=greedy"),
        (["generation.temperature=0.7"], "generation.temperature: there is no key 'temperature' in generation"),
        (["generation=sampling", "generation.temperature=0"], "generation.temperature: wanted a number above 0, got 0"),
        (["generation=sampling", "generation.tempreature=1"], "did you mean 'temperature'?"),
        (["generation=beams", "generation.early_stopping=no"], "generation.early_stopping: wanted true or false or"),
        (["quantization=int4"], "quantization=int4: there is no such quantization; did you mean 'int8'?"),
        (["quantization.kind=int4"], "quantization.kind: wanted one of none, bfloat16, int8, nf4, torchao_int8"),
        (["loss=answer"], "there is no key 'loss'"),
        (["+generation.top_k=3"], "override: '+generation.top_k=3' adds or deletes a key"),
        (["seed=3"], "there is no key 'seed'"),
        (["split=test,train"], "is a sweep over several values"),
        (["--output", "file/deeper"], "--output: cannot write to file/deeper: Not a directory"),
        (["--jsn"], "unrecognized arguments: --jsn; did you mean '--json'?"),
    ],
)
def test_bad_input(tiny_run, words, told):
    Path("file").write_text("", encoding="utf-8")
    assert told in refusal(call("evaluate", tiny_run, *words))
