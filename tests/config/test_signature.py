import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fsqa.config.signature import mismatch, signature

REAL = {
    "torch.optim.AdamW": {"params", "lr", "betas", "eps", "weight_decay", "amsgrad", "fused"},
    "torch.optim.SGD": {"lr", "momentum", "nesterov"},
    "pytorch_lightning.Trainer": {"accelerator", "devices", "max_steps", "precision", "gradient_clip_val"},
    "pytorch_lightning.callbacks.ModelCheckpoint": {"monitor", "mode", "save_top_k"},
    "pytorch_lightning.loggers.CSVLogger": {"save_dir", "name"},
    "fsqa.loss.SmoothedKL": {"smoothing", "weights", "mean"},
    "fsqa.loss.BalancedKL": {"smoothing", "weights", "answer_share"},
    "fsqa.prompt.Template": {"start", "segments"},
    "fsqa.model.scratch.Scratch": {"architecture", "size", "vocabulary", "tokenizer_path", "dtype"},
    "fsqa.model.pretrained.Pretrained": {"path", "revision", "architecture"},
    "fsqa.objective.causal_module.CausalModule": {"model", "loss", "optimizer", "scheduler"},
    "fsqa.generation.Greedy": {"max_new_tokens", "batch_size"},
    "fsqa.scheduler.warmup.Cosine": {"warmup"},
    "fsqa.config.settings.Settings": {"study", "seed", "batch_size"},
}

PROGRAM = """
import json, sys
from fsqa.config.signature import signature
found = {target: signature(target) for target in json.loads(sys.argv[1])}
told = {target: s and [sorted(s.parameters), s.open] for target, s in found.items()}
heavy = sorted({"torch", "pytorch_lightning", "transformers", "numpy"} & set(sys.modules))
print(json.dumps([told, heavy]))
"""


@pytest.fixture(scope="module")
def read_apart():
    """What another interpreter finds, and which heavy packages it had to import for that."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(list(REAL))],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_nothing_heavy_is_imported(read_apart):
    assert read_apart[1] == []


@pytest.mark.parametrize("target", REAL)
def test_real_targets(read_apart, target):
    parameters, is_open = read_apart[0][target]
    assert set(parameters) >= REAL[target]
    assert "self" not in parameters
    assert is_open is False


@pytest.mark.parametrize("target", [t for t in REAL if t.startswith("fsqa.")])
def test_own_targets_exactly(target):
    assert set(signature(target).parameters) >= REAL[target]
    module, _, name = target.rpartition(".")
    real = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    assert list(signature(target).parameters) == list(real)


def test_annotations_come_along():
    parameters = signature("fsqa.loss.SmoothedKL").parameters
    assert {name: ast.unparse(annotation) for name, annotation in parameters.items()} == {
        "smoothing": "float",
        "weights": "dict[str, float]",
        "mean": "Literal['example', 'token']",
    }


@pytest.mark.parametrize(
    "target", ["", "nope", "nope.Nope", "fsqa.loss.Nope", "fsqa.nope.Nope", "torch.Tensor.backward", "math.sqrt", ".."]
)
def test_what_the_source_does_not_tell_is_unknown(target):
    assert signature(target) is None


@pytest.mark.parametrize(
    ("value", "annotation", "wrong"),
    [
        (1, "int", False),
        (1.0, "int", True),
        (True, "int", True),
        ("1", "int", True),
        (1, "float", False),
        (1.5, "float", False),
        (False, "float", True),
        ("1e-3", "float", True),
        (None, "float", True),
        (True, "bool", False),
        (1, "bool", True),
        ("x", "str", False),
        (1, "str", True),
        (None, "None", False),
        (0, "None", True),
        (None, "str | None", False),
        (3, "str | None", True),
        (3, "int | str", False),
        (3.5, "int | str | None", True),
        (None, "Optional[int]", False),
        ("x", "Optional[int]", True),
        ("x", "Union[int, str]", False),
        (1.5, "Union[int, str]", True),
        ("example", "Literal['example', 'token']", False),
        ("exmple", "Literal['example', 'token']", True),
        (2, "Literal[1, 2]", False),
        ("only", "Literal['only']", False),
        ([1, 2], "list[int]", False),
        ([1, "2"], "list[int]", True),
        ("12", "list[str]", True),
        ([], "list[int]", False),
        ({"a": 1}, "dict[str, float]", False),
        ({"a": "1"}, "dict[str, float]", True),
        ([], "dict[str, float]", True),
        ([{"prompt": "x"}], "list[dict[str, str]]", False),
        ([{"prompt": 1}], "list[dict[str, str]]", True),
        ("x", "'int'", True),
        (1, "'int'", False),
        (0.5, "float | Tensor", False),
        ("x", "float | Tensor", True),
        ("x", "SomeClass", False),
        (3, "Callable[[int], str]", False),
        ([0.9, 0.999], "tuple[float, float]", False),
    ],
)
def test_mismatch(value, annotation, wrong):
    assert mismatch(value, ast.parse(annotation, mode="eval").body) is wrong


def test_nothing_is_known_without_an_annotation():
    assert mismatch("anything", None) is False
