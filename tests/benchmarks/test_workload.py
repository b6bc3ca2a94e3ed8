import json

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks.flops import needed, product_shapes
from benchmarks.turns import Counts
from benchmarks.workload import FILES, count_weights, prepare, read_questions, shape_named, smoothing_entropy
from fsqa.errors import InputError
from fsqa.loss.smoothed_kl import SmoothedKL
from fsqa.types import Batch, Role

COUNTS = Counts(examples=8, tokens=120, positions=140, targets=31)


def tiny(architecture, **sizes):
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(architecture, vocab_size=50, **sizes))


@pytest.mark.parametrize(
    ("architecture", "sizes"),
    [
        ("gpt2", {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}),
        ("gpt_neo", {"hidden_size": 16, "num_layers": 2, "num_heads": 2, "attention_types": [[["global"], 2]]}),
    ],
)
def test_weights_that_tokens_are_multiplied_by(architecture, sizes):
    found = count_weights(tiny(architecture, **sizes))
    assert found["body"] == 2 * (4 * 16 * 16 + 2 * 16 * 64), "attention and feed-forward part; no table, norm or bias"
    assert (found["head"], tuple(found["head_matrix"])) == (50 * 16, (16, 50))


def test_operations_of_a_step():
    weights = {"body": 1000, "head": 100, "matrices": [[16, 64]], "head_matrix": [16, 50]}
    assert needed(COUNTS, weights, "answers") == 6 * (1000 * 112 + 100 * 31), "nobody reads the end token"
    assert needed(COUNTS, weights, "blocks") == 6 * (1000 * 120 + 100 * 31)
    assert needed(COUNTS, weights, "lora") == 4 * (1000 * 112 + 100 * 31)
    assert product_shapes(weights, COUNTS, 2) == [(60, 16, 64), (15, 16, 50)]


def test_cross_entropy_is_the_divergence_and_a_constant():
    vocabulary, ids = 50, torch.randint(0, 50, (2, 6))
    roles = torch.tensor([[Role.PROMPT] * 3 + [Role.ANSWER] * 2 + [Role.END]] * 2)
    batch = Batch(ids, roles, torch.arange(2), torch.tensor(2), torch.tensor([4, 0, 4, 2, 0, 0]))
    loss = SmoothedKL(smoothing=0.1, weights={"answer": 1, "end": 1}, mean="token")
    weights = loss.weigh(batch)[:, 1:]
    chosen = weights != 0
    logits, targets = torch.randn(int(chosen.sum()), vocabulary), ids[:, 1:][chosen]
    divergence = loss(logits, targets, weights[chosen], roles[:, 1:][chosen]).loss
    entropy = torch.nn.functional.cross_entropy(logits, targets, label_smoothing=0.1)
    assert float(entropy) - smoothing_entropy(vocabulary) == pytest.approx(float(divergence), abs=1e-5)
    assert smoothing_entropy(vocabulary, 0.0) == 0


def test_missing_files_are_told_by_their_option(tmp_path):
    with pytest.raises(InputError, match=r"--data: no file .*dev\.even"):
        prepare("small", tmp_path / "data", tmp_path, tmp_path / "work")
    for name in FILES:
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"--tokenizer: no file .*vocab\.json"):
        prepare("small", tmp_path, tmp_path / "tokenizer", tmp_path / "work")


def test_unknown_models_are_told_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'small'"):
        shape_named("smal")


def test_questions_come_back_in_their_order(tmp_path):
    rows = [{"question": f"q{i}", "answer": f"a{i}"} for i in range(3)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [(q.prompt, q.completion) for q in read_questions(tmp_path)] == [(f"q{i}?", f" a{i}") for i in range(3)]
