import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

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


def test_a_run_from_before_some_keys_takes_them(tiny_run, written):
    old = Path("outputs/old/run")
    shutil.copytree(tiny_run, old)
    config = yaml.safe_load((old / "config.yaml").read_text())
    for group, name in (
        (config, "metrics"),
        (config, "test_questions"),
        (config["generation"], "stop"),
        (config["generation"], "keep_question"),
    ):
        del group[name]
    (old / "config.yaml").write_text(yaml.safe_dump(config))
    assert evaluated(old) == pytest.approx(written["test"], abs=1e-6)
    said = call("evaluate", old, "split=validation")
    assert "the run" not in said.out, "as it was scored itself"
    assert evaluated(old, "generation.keep_question=true", "metrics=text")["answer_length"] == pytest.approx(
        written["test"]["answer_length"]
    )
    assert call("ask", old, "Who is it?", "generation.stop=a").code == 0


def test_the_training_split_is_not_set_beside_the_part_of_it_that_the_run_answered(tmp_path):
    run = train(tmp_path / "outputs", "metrics=memorisation", "metrics.memorisation.examples=7")
    assert json.loads((run / "metrics.json").read_text())["train"]["examples"] == 7
    assert "the run" in call("evaluate", run, "generation.max_new_tokens=1").out
    assert "the run" not in call("evaluate", run, "generation.max_new_tokens=1", "split=train").out


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


def test_a_grid_of_decodings_is_a_table(tiny_run, written, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    own = tiny_run / "config.yaml"
    before = own.read_bytes()
    outcome = call("evaluate", tiny_run, "generation.max_new_tokens=1,12", "--output", "grid")
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines if "max_new_tokens=" in line] == ["max_new_tokens=1", "max_new_tokens=12"]
    assert max(map(len, lines)) <= 80
    short, own_limit = json.loads(Path("grid/decodings.json").read_text())
    assert own_limit["metrics"] == pytest.approx(written["test"], abs=1e-6)
    assert short["settings"] == {"generation.max_new_tokens": "1"}
    assert short["metrics"]["answer_length"] <= 1
    with Path("grid/decodings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["generation.max_new_tokens"] for row in rows] == ["1", "12"]
    assert (rows[0]["p"], rows[0]["exact_match_change"]) == ("", "")
    change = written["test"]["exact_match"] - short["metrics"]["exact_match"]
    assert float(rows[1]["exact_match_change"]) == pytest.approx(change)
    assert 0 < float(rows[1]["p"]) <= 1
    assert len(read_lines(Path("grid/0.jsonl"))) == written["test"]["examples"]
    assert own.read_bytes() == before


def test_a_grid_has_every_combination(tiny_run):
    words = ["generation=sampling", "generation.temperature=0.5,2", "generation.max_new_tokens=1,2,3"]
    outcome = call("evaluate", tiny_run, *words, "--json")
    settings = [tuple(each["settings"].values()) for each in json.loads(outcome.out)]
    assert settings == [(t, n) for t in ("0.5", "2") for n in ("1", "2", "3")]


def test_a_way_of_answering_can_vary_too(tiny_run):
    each = json.loads(call("evaluate", tiny_run, "generation=greedy,beams", "--json").out)
    assert [one["settings"] for one in each] == [{"generation": "greedy"}, {"generation": "beams"}]


def test_own_questions_take_the_place_of_the_test(tiny_run):
    row = read_lines(tiny_run / "predictions.jsonl")[0]
    asked = [
        {"question": row["question"], "answer": row["prediction"] or "nothing"},
        {"question": "who is it", "answers": ["nobody"]},
    ]
    Path("own.jsonl").write_text("".join(json.dumps(each) + "\n" for each in asked), encoding="utf-8")
    metrics = evaluated(tiny_run, "questions=own.jsonl", "--output", "own")
    assert metrics["examples"] == 2
    said = read_lines(Path("own/predictions.jsonl"))
    assert [each["question"] for each in said] == [row["question"], "who is it"]
    assert said[0]["prediction"] == row["prediction"]


def test_further_figures_of_a_finished_run(tiny_run, written):
    metrics = evaluated(tiny_run, "metrics=[text,calibration]")
    assert metrics.items() >= {"exact_match": written["test"]["exact_match"]}.items()
    assert {"bleu", "sentence_bleu", "calibration_error", "confidence"} <= set(metrics)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["splt=test"],
            "no key 'splt'; did you mean 'split'?; the keys are generation, metrics, quantization",
        ),
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
        (["split=test,train"], "is a sweep over several values; only generation and quantization can have several"),
        (["generation.max_new_tokens=interval(1,5)"], "is a range; list its values, as in key=a,b,c"),
        (["generation.max_new_tokens=1,2", "--metric", "exact_mach"], "--metric: no 'exact_mach' to compare by"),
        (["--metric", "f1"], "--metric: says what the rows of a table are compared by; give a key several values"),
        (["metrics=[text,memorisation]"], "metrics=memorisation: training questions are answered when a run ends"),
        (["metrics=txt"], "metrics=txt: there is no such metrics; did you mean 'text'?"),
        (["questions=none.jsonl"], "there is no file"),
        (["questions=file", "split=train"], "questions: they take the place of the test split, but split=train"),
        (["--output", "file/deeper"], "--output: cannot write to file/deeper: Not a directory"),
        (["--jsn"], "unrecognized arguments: --jsn; did you mean '--json'?"),
    ],
)
def test_bad_input(tiny_run, words, told):
    Path("file").write_text("", encoding="utf-8")
    assert told in refusal(call("evaluate", tiny_run, *words))
