import ast
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from fsqa.config.check import check_config, check_node
from fsqa.config.compose import compose_config
from fsqa.config.rehearse import rehearsed
from fsqa.config.signature import mismatch, names, signature
from fsqa.errors import InputError


def annotated(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, "int"),
        (1, "float"),
        (0.5, "float"),
        (None, "int | None"),
        (None, "Optional[int]"),
        ("a", "Literal['a', 'b']"),
        ([1, 2], "list[int]"),
        ({"a": None}, "dict[str, int | None]"),
        ("anything", "Whatever"),
        (3, "Union[int, str]"),
        (3, "'int'"),
    ],
)
def test_what_fits(value, annotation):
    assert not mismatch(value, annotated(annotation))


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (True, "int"),
        (True, "float"),
        (1, "bool"),
        (1.0, "int"),
        (1, "str"),
        (None, "int"),
        ("c", "Literal['a', 'b']"),
        ([1, "a"], "list[int]"),
        (1, "list[int]"),
        ({"a": "b"}, "dict[str, float]"),
        ("a", "int | None"),
        ([], "Union[int, str]"),
        ("x", "float | Tensor"),
    ],
)
def test_what_does_not_fit(value, annotation):
    assert mismatch(value, annotated(annotation))


def test_signatures_are_read_without_importing(tmp_path, monkeypatch):
    (tmp_path / "bomb.py").write_text(
        "from dataclasses import dataclass\n"
        "raise RuntimeError('imported')\n"
        "@dataclass\nclass Point:\n    x: int\n    y: int = 3\n"
        "class Open:\n    def __init__(self, a, b=1, *, c, d=2, **more): ...\n"
        "def call(a, /, b): ...\n"
        "class Plain: ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert (signature("bomb.Point").required, signature("bomb.Point").open) == ({"x"}, False)
    assert (signature("bomb.Open").required, signature("bomb.Open").open) == ({"a", "c"}, True)
    assert set(signature("bomb.Open").parameters) == {"a", "b", "c", "d"}
    assert signature("bomb.call").required == {"a", "b"}
    assert signature("bomb.Plain") is None
    assert signature("bomb.Nothing") is None
    assert signature("nowhere.Nothing") is None
    assert signature("math.sqrt") is None
    assert "Point" in names("bomb")
    assert names("nowhere.at_all") == []


def test_reexports_are_followed():
    assert "smoothing" in signature("fsqa.loss.SmoothedKL").parameters
    assert "max_steps" in signature("pytorch_lightning.Trainer").parameters
    assert "lr" in signature("torch.optim.AdamW").parameters


def test_a_trusted_package_may_be_named():
    node = {"_target_": "collections.OrderedDict"}
    with pytest.raises(InputError, match=r"if you trust it, set allow=\[collections\]"):
        check_node("loss", node, [])
    check_node("loss", node, ["collections"])


def test_nested_targets_are_checked():
    with pytest.raises(InputError, match=r"^model\.parts\[1\]\.inner\._target_: 'os\.system' is outside"):
        check_node("", {"model": {"parts": [1, {"inner": {"_target_": "os.system"}}]}}, [])


def test_the_config_comes_back_plain_and_resolved():
    config = check_config(compose_config([]))
    assert type(config) is dict
    assert type(config["model"]["size"]) is dict
    assert config["micro_batch_size"] == config["batch_size"]
    assert not OmegaConf.is_config(config["prompt"]["segments"])


def test_rehearsal_shortens_training_and_validation():
    trainer = rehearsed(check_config(compose_config(["rehearse=true", "trainer.max_steps=5000"])))["trainer"]
    assert (trainer["max_steps"], trainer["val_check_interval"]) == (20, 10)


def test_a_callback_of_ones_own_may_log_what_it_likes():
    words = [
        "+callbacks.mine._target_=pytorch_lightning.callbacks.DeviceStatsMonitor",
        "callbacks.best.monitor=val/mine",
    ]
    assert check_config(compose_config(words))["callbacks"]["best"]["monitor"] == "val/mine"


def test_a_name_written_as_a_class_is_read_from_source_alone():
    """Checking a whole config loads nothing heavy."""
    code = (
        "import sys; from fsqa.config.check import check_config; from fsqa.config.compose import compose_config; "
        "check_config(compose_config(['dataset=nq_open', 'model=gpt2', 'callbacks=early_stopping'])); "
        "print(sorted({'torch', 'transformers', 'pytorch_lightning', 'datasets', 'pandas'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_loggers_that_could_not_work_are_refused_before_anything_is_computed(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    online = compose_config(["logger=[csv,wandb]", "logger.wandb.mode=online"])
    with pytest.raises(InputError, match=r"logger.wandb.mode=online: there is no key for W&B; run wandb login"):
        check_config(online)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    assert check_config(online)["logger"]["wandb"]["mode"] == "online"
    monkeypatch.setattr("fsqa.config.together.find_spec", lambda name: None if name == "tensorboard" else name)
    with pytest.raises(InputError, match=r"pip install 'fsqa\[tensorboard\]'"):
        check_config(compose_config(["logger=tensorboard"]))


def test_a_key_that_stands_one_level_deeper_is_named():
    with pytest.raises(InputError, match=r"did you mean 'logger\.wandb\.mode'"):
        compose_config(["logger=wandb", "logger.mode=online"])
