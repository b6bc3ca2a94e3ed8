"""Plain language modelling, from documents to a report."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from fsqa.baseline import unigram
from fsqa.data.examples import Examples, write_examples
from fsqa.encode.blocks import BlockEncoder
from fsqa.prompt import Text
from fsqa.types import Record, Role
from tests.builders import characters
from tests.commands.lines import SMALL, call, read_lines, refusal

WORDS = ("the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "tree", "red", "old")
LANGUAGE_MODEL = (
    "experiment=language_model",
    *(word for word in SMALL if not word.startswith("callbacks.answers")),
    "model.size.hidden_size=32",
    "model.vocabulary=400",
    "max_length=16",
)


def train(folder, *words):
    outcome = call("train", *LANGUAGE_MODEL, f"outputs={folder / 'outputs'}", *words)
    assert outcome.code == 0, outcome.err
    return outcome


def write_documents(folder, count=40):
    random = np.random.default_rng(0)
    folder.mkdir()
    for i in range(count):
        text = " ".join(random.choice(WORDS, size=int(random.integers(3, 40))))
        (folder / f"{i:02d}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two finished runs, with documents apart and as one text."""
    folder = tmp_path_factory.mktemp("text")
    documents = write_documents(folder / "documents")
    said = [train(folder, f"dataset.path={documents}", f"objective.isolated={on}").out for on in ("true", "false")]
    return [folder / "outputs" / "language_model" / line.split("  ")[0].split("/")[-1] for line in said], said


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def test_figures_are_of_text_alone(study):
    (run, _), (line, _) = study
    metrics = metrics_of(run)
    measured = {"examples", "answer_nll", "perplexity", "token_accuracy", "token_accuracy_of_batches"}
    assert set(metrics["test"]) == set(metrics["val"]) == measured  # absent, not zero
    assert set(metrics["baseline"]) == {"untouched", "unigram"}
    assert all(set(figures) == measured for figures in metrics["baseline"].values())
    assert metrics["test"]["perplexity"] == pytest.approx(math.exp(metrics["test"]["answer_nll"]))
    assert f"NLL {metrics['test']['answer_nll']:.3f}, perplexity {metrics['test']['perplexity']:.3f}  (" in line
    validated = [event for event in read_lines(run / "history.jsonl") if "val/answer_nll" in event]
    assert [event["step"] for event in validated] == [2, 4]
    assert "val/exact_match" not in validated[0]


def test_every_test_document_has_a_row_and_the_saved_model_gives_its_figures(study):
    """The rows against the plain model of transformers, which sees one part of one document at a time."""
    (run, _), _ = study
    tokenizer = AutoTokenizer.from_pretrained(run / "model")
    model = AutoModelForCausalLM.from_pretrained(run / "model").eval()
    rows = read_lines(run / "predictions.jsonl")
    assert len(rows) == metrics_of(run)["data"]["test"]["records"] == 4
    folder = Path(yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["dataset"]["path"])
    texts = [(folder / row["id"]).read_text(encoding="utf-8") for row in rows]
    nll, tokens = np.zeros(4), np.zeros(4, int)
    for block in encoded(tokenizer, texts, max_length=16, isolated=True):
        parts = np.split(np.arange(len(block.ids)), np.flatnonzero(block.roles == Role.OPENING))
        for part in parts:
            ids, roles = torch.from_numpy(block.ids[part]).long(), block.roles[part]
            if len(ids) < 2:
                continue
            each = cross_entropy(model(input_ids=ids[None]).logits[0, :-1], ids[1:], reduction="none")
            record = block.record + int((block.roles[: part[0]] == Role.END).sum())
            nll[record] += each[torch.from_numpy(roles[1:] == Role.ANSWER)].sum().item()
            tokens[record] += (roles[1:] == Role.ANSWER).sum()
    for row, text, total, count in zip(rows, texts, nll, tokens, strict=True):
        assert text.startswith(row["text"])
        assert len(row["text"]) == min(80, len(text))
        assert row["reference_tokens"] == count == len(tokenizer(text, add_special_tokens=False)["input_ids"]) - 1
        assert row["answer_nll"] == pytest.approx(total / count, rel=1e-5)
        assert row["perplexity"] == pytest.approx(math.exp(row["answer_nll"]))


def test_evaluate_gives_the_same_figures_and_takes_no_other_decoding(study):
    (run, joined), _ = study
    for each in (run, joined):
        outcome = call("evaluate", each, "--json")
        assert outcome.code == 0, outcome.err
        assert json.loads(outcome.out) == pytest.approx(metrics_of(each)["test"])
    told = refusal(call("evaluate", run, "generation=greedy"))
    assert "can only write on from the beginning of a text, and there is none" in told
    assert "set generation=none" in told


def test_the_model_card_speaks_of_documents(study):
    (run, _), _ = study
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    assert "type: text-generation" in card
    assert "| on 4 test documents | Answer NLL | Perplexity | Token accuracy |" in card
    assert "uestion" not in card


def test_asking_is_refused_kindly(study):
    (run, _), _ = study
    assert "this run models plain text and has learned no form of question" in refusal(call("ask", run, "who is it?"))


def test_the_report_puts_the_likelihood_first(study):
    (run, joined), _ = study
    outcome = call("report", run.parent)
    assert outcome.code == 0, outcome.err
    best = min((run, joined), key=lambda each: metrics_of(each)["test"]["answer_nll"])
    isolated = str(best == run).lower()
    assert f"isolated={isolated} has the lowest answer NLL" in " ".join(outcome.out.split())
    assert "nats a token" in outcome.out
    for word in ("exact match", "questions", "stop"):
        assert word not in outcome.out
    page = (run.parent / "report" / "report.html").read_text(encoding="utf-8")
    assert "test documents" in page
    assert "Exact match" not in page
    assert "token frequencies" in page


def test_show_names_blocks_by_their_first_document(study, tmp_path):
    (run, _), _ = study
    path = yaml.safe_load((run / "config.yaml").read_text())["dataset"]["path"]
    outcome = call(
        "show", *LANGUAGE_MODEL, f"dataset.path={path}", f"outputs={tmp_path}", "--examples=2", "--split=test"
    )
    assert outcome.code == 0, outcome.err
    assert ".txt  16 tokens" in " ".join(outcome.out.split(" "))


def test_questions_are_text_too_and_a_rehearsal_works(tmp_path):
    outcome = train(
        tmp_path,
        "dataset=atlas",
        "dataset.questions=196",
        "dataset.validation_questions=20",
        "dataset.test_questions=20",
        "prompt.text='{question} {answer}'",
        "prompt.start=true",
        "rehearse=true",
    )
    (run,) = (tmp_path / "outputs" / "language_model").glob("*")
    metrics = metrics_of(run)
    assert metrics["test"]["examples"] == 20
    assert metrics["test"]["answer_nll"] < metrics["baseline"]["untouched"]["answer_nll"]
    assert "questions stand in" not in outcome.err
    assert read_lines(run / "predictions.jsonl")[0]["text"].count("?") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["prompt=text", "loss=all"], "set experiment=language_model, which chooses all that goes with it"),
        (["experiment=language_model", "dataset.path=.", "loss=answer"], "loss.weights.end: wanted a weight above 0"),
        (["experiment=language_model", "dataset.path=.", "prompt=joined"], "set prompt=text, or objective=causal"),
        (["experiment=language_model", "dataset.path=.", "callbacks=default"], "set callbacks.answers=null"),
        (["experiment=language_model", "dataset.path=.", "generation=greedy"], "set generation=none"),
        (
            ["experiment=language_model", "dataset.path=.", "metrics=text"],
            "metrics.text: with generation=none there is",
        ),
        (["experiment=language_model", "dataset.path=.", "metrics=memorisation"], "set metrics=answers, or have the"),
        (["generation=none"], "to ask questions take generation=greedy"),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_to_set(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "callbacks=default" in words:
        words = [*words[:-1], "callbacks.answers={_target_: fsqa.callbacks.answers.Answers, examples: 2}"]
    assert told in refusal(call("train", *words))


def test_bloom_is_refused_with_the_reason(tmp_path):
    documents = write_documents(tmp_path / "documents", count=12)
    outcome = call(
        "train",
        *LANGUAGE_MODEL[:-3],
        "model=scratch",
        "model.architecture=bloom",
        "model.vocabulary=400",
        "+model.size={hidden_size: 32, n_layer: 1, n_head: 2}",
        f"dataset.path={documents}",
        f"outputs={tmp_path / 'outputs'}",
    )
    assert "objective.isolated: bloom takes no position for each token" in refusal(outcome)


def encoded(tokenizer, texts, *, start=False, **options):
    layout = Text(start=start, text="{context}")
    prompts = [layout(Record(id=str(i), question="", answers=(), context=text)) for i, text in enumerate(texts)]
    return BlockEncoder(tokenizer=tokenizer, **options).examples(prompts, [str(i) for i in range(len(texts))])


def blocks(folder, texts, **options):
    rows = encoded(characters(), texts, **options)
    records = [Record(id="0", question="", answers=())]
    write_examples(folder, records, lambda _: None, SimpleNamespace(examples=lambda *_: rows), lambda _: None)
    return Examples(folder)


@pytest.mark.parametrize("options", [{"isolated": True}, {"isolated": True, "start": True}, {"isolated": False}])
def test_unigram_by_hand(tmp_path, options):
    train, test = ["abab", "ba", "c"], ["aab", "b", "xa"]
    ours = unigram(
        blocks(tmp_path / "train", train, max_length=5, **options),
        blocks(tmp_path / "test", test, max_length=4, **options),
        documents=len(test),
        vocabulary=50,
    )

    def predicted(texts):
        whole = options.get("start", False)
        return [text[(0 if whole or (i and not options["isolated"]) else 1) :] for i, text in enumerate(texts)]

    counted = "".join(predicted(train))
    score = {letter: -math.log((counted.count(letter) + 1) / (len(counted) + 50)) for letter in "abcx"}
    likeliest = max("abc", key=counted.count)
    wanted = [[sum(score[letter] for letter in text), len(text), text.count(likeliest)] for text in predicted(test)]
    np.testing.assert_allclose(ours, wanted, rtol=1e-12)
