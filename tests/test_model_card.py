import json
import re

import pytest
import yaml
from huggingface_hub import ModelCard

from fsqa.model_card import _results
from tests.commands.lines import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("card") / "outputs", "loss=balanced")


@pytest.fixture(scope="module")
def card(run):
    return (run / "model" / "README.md").read_text(encoding="utf-8")


def test_hugging_face_reads_the_results(run, card):
    data = ModelCard(card).data
    metrics = json.loads((run / "metrics.json").read_text())["test"]
    assert {result.metric_type: result.metric_value for result in data.eval_results} == {
        name: metrics[name] for name in ("exact_match", "f1", "answer_nll", "token_accuracy", "stop_rate")
    }
    assert {(result.dataset_name, result.dataset_split) for result in data.eval_results} == {("atlas", "test")}
    assert (data.library_name, data.pipeline_tag) == ("transformers", "text-generation")
    assert "base_model" not in yaml.safe_load(card.split("---")[1])


def test_it_tells_data_training_and_results(run, card):
    metrics = json.loads((run / "metrics.json").read_text())
    assert f"196 train, 20 validation, 20 test questions, sha256 `{metrics['data']['sha256']}`" in card
    assert "loss strategy `balanced`" in card
    assert "tuning `full`" in card
    (ours,) = re.findall(r"^\| this model \|(.*)\|$", card, re.MULTILINE)
    values = [[float(number) for number in re.findall(r"[\d.]+", cell)] for cell in ours.split("|")]
    known = ("exact_match", "f1", "answer_nll", "stop_rate", "token_accuracy")
    for name, (value, low, high) in zip(known, values, strict=True):
        assert value == pytest.approx(metrics["test"][name], abs=5e-4)
        assert low <= value <= high
    for baseline in ("untouched model", "most frequent answer", "nearest question"):
        assert f"| {baseline} |" in card


def test_the_prompt_is_the_one_the_model_saw(card):
    assert "prompt = '<|start|>{question}\\n'" in card
    assert "end token `<|end|>` (id 1)" in card


def test_it_gives_signatures_and_says_what_was_learned_by_heart():
    figures = {"exact_match": 0.4, "bleu": 0.6, "sentence_bleu": 0.5, "examples": 50}
    metrics = {
        "test": figures,
        "val": figures,
        "train": figures | {"exact_match": 0.98},
        "baseline": {"copy_input": {"bleu": 0.7}},
        "signatures": {"bleu": "nrefs:1|tok:13a", "chrf": "not shown"},
    }
    told = _results(metrics, {})
    assert "| on 50 test questions | Exact match | BLEU | Sentence BLEU |" in told
    assert "| copy of the question |  | 0.700 |  |" in told
    assert "**Memorised: knows 98.0 % of its training questions and 40.0 % of validation.**" in told
    assert told.endswith("- BLEU: `nrefs:1|tok:13a`")
    calm = _results(metrics | {"train": {}, "signatures": {}}, {})
    assert "Memorised" not in calm
    assert "nrefs" not in calm
