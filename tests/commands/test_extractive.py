"""A model that finds answers in documents, from the training to the report, on real questions."""

import json
import re
from dataclasses import replace

import pytest

from fsqa.asked import asked_of
from fsqa.errors import InputError
from fsqa.finished import find_run
from tests.commands.lines import call, read_lines, refusal

WORDS = (
    "experiment=distilbert_squad_v2",
    "rehearse=true",
    "dataset.holdout.test=0.2",
    "dataset.limit={train: 48, validation: 24, test: 24}",
    "batch_size=6",
    "max_length=96",
    "objective.stride=16",
    "objective.max_question_tokens=32",
    "trainer.accelerator=cpu",
)


@pytest.fixture(scope="module")
def squad(shared):
    return f"dataset.path={shared / 'data/squad/dev-v2.0.json.gz'}"


@pytest.fixture(scope="module")
def run(squad, tmp_path_factory):
    from pathlib import Path

    outcome = call("train", *WORDS, squad, f"outputs={tmp_path_factory.mktemp('extractive') / 'outputs'}")
    assert outcome.code == 0, outcome.err
    assert re.search(r"fsqa: note: 48 train questions make \d+ windows of their documents", outcome.err)
    told = r"fsqa: note: \d+ train windows have a question cut to its last objective.max_question_tokens=32 tokens"
    assert re.search(told, outcome.err), outcome.err
    assert "max_length" not in outcome.err
    return Path(outcome.out.split("  ")[0])


@pytest.fixture(scope="module")
def predictions(run):
    return read_lines(run / "predictions.jsonl")


def test_what_a_run_leaves(run, predictions):
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert {"answerable_f1", "unanswerable_exact_match", "answer_nll"} <= set(metrics["test"])
    assert set(metrics["variants"]) == {"always an answer", "threshold 0"}
    assert metrics["variants"]["always an answer"]["unanswerable_exact_match"] == 0
    assert set(metrics["baseline"]) >= {"untouched", "most_frequent_answer", "nearest_question"}
    for kind in ("answerable", "unanswerable"):
        right = [row["exact_match"] for row in predictions if row["kind"] == kind]
        assert metrics["test"][f"{kind}_exact_match"] == pytest.approx(sum(right) / len(right))
    assert {row["kind"] for row in predictions} == {"answerable", "unanswerable"}
    assert all(row["references"] == [""] for row in predictions if row["kind"] == "unanswerable")


def test_the_threshold_is_decided_on_validation_and_kept(run, predictions):
    status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    threshold = status["decided"]["generation.no_answer_threshold"]
    for row in predictions:
        silent = row["no_answer_score"] - row["score"] > threshold
        assert row["prediction"] == ("" if silent else row["best_span"])


def test_evaluate_gives_the_same_again(run, tmp_path):
    outcome = call("evaluate", run, "--output", tmp_path / "again", "--json")
    assert outcome.code == 0, outcome.err
    told = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["test"]
    for name, value in json.loads(outcome.out).items():
        assert value == pytest.approx(told[name], rel=1e-4), name


@pytest.mark.parametrize(
    ("words", "kept"),
    [(("split=validation",), ("val",)), (("generation=span",), ("variants", "always an answer"))],
)
def test_figures_of_a_revised_answer_are_those_of_asking_for_it(run, words, kept):
    told = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    for name in kept:
        told = told[name]
    outcome = call("evaluate", run, *words, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == pytest.approx(told, rel=1e-4)


def test_a_threshold_that_no_validation_has_decided_is_refused(run):
    own = find_run(run)
    always = {name: own.config["generation"][name] for name in ("max_answer_tokens", "batch_size")}
    trained_to_answer = replace(own, config=own.config | {"generation": {"_target_": "fsqa.generation.Span", **always}})
    with pytest.raises(InputError, match=r"no_answer_threshold: null leaves it to the validation .*_threshold=0"):
        asked_of(trained_to_answer, ["generation=span_or_none"])
    asked = asked_of(trained_to_answer, ["generation=span_or_none", "generation.no_answer_threshold=1.5"])
    assert asked.generation["no_answer_threshold"] == 1.5


def test_ask(run, squad, shared, predictions):
    import gzip

    with gzip.open(shared / "data/squad/dev-v2.0.json.gz", "rt", encoding="utf-8") as stream:
        data = json.load(stream)["data"]
    contexts = {
        asked["id"]: paragraph["context"]
        for article in data
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    }
    for row in predictions[:3]:
        outcome = call("ask", run, row["question"], "--context", contexts[row["id"]])
        assert (outcome.code, outcome.out) == (0, f"{row['prediction']}\n")
        assert row["best_span"] in contexts[row["id"]]
    assert "give the question its context" in refusal(call("ask", run, "who wrote emma"))


def test_transformers_loads_the_model(run):
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    model, loaded = AutoModelForQuestionAnswering.from_pretrained(run / "model", output_loading_info=True)
    assert not loaded["missing_keys"]
    assert type(model).__name__ == "DistilBertForQuestionAnswering"
    assert AutoTokenizer.from_pretrained(run / "model").cls_token == "[CLS]"


def test_report(run):
    outcome = call("report", run.parent)
    assert outcome.code == 0, outcome.err
    assert "always an answer" in (run.parent / "report" / "table.md").read_text(encoding="utf-8")


def test_show(squad, tmp_path):
    outcome = call("show", *WORDS, squad, f"outputs={tmp_path}", "--examples", "4")
    assert outcome.code == 0, outcome.err
    assert "[CLS]" in outcome.out
    for line in re.findall(r"prompt .*", outcome.out):
        assert "context 0 % (0 tokens)" in line
        assert re.search("prompt 100 %|answer 100 %", line)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("loss=answer", "loss: objective=extractive cannot be trained with SmoothedKL; set loss=span"),
        ("generation=greedy", "generation: objective=extractive cannot answer by Greedy; set generation=span"),
        ("prompt=closed_book", "set prompt=extractive"),
        ("prompt=chat", "has no chat template; set prompt=extractive"),
        ("max_length=32", "max_length=32 has no room for objective.max_question_tokens=32"),
        ("objective.stride=0", "objective.stride: wanted 1 or more"),
    ],
)
def test_refused(squad, word, told, tmp_path):
    words = [each for each in WORDS if each.split("=")[0] != word.split("=")[0]]
    assert told in refusal(call("train", *words, squad, word, f"outputs={tmp_path}"))
