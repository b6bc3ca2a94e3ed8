import re
import tomllib
from pathlib import Path

import pytest
import torch

from fsqa.commands.doctor import NEEDED, OPTIONAL
from fsqa.speed.process import Route
from tests.commands.lines import call

ROOT = Path(__file__).parents[2]


def test_a_sound_machine():
    outcome = call("doctor")
    assert outcome.code == 0
    lines = {line[6:].split("  ")[0]: line for line in outcome.out.splitlines()}
    assert all(lines[name].startswith("ok") for name in (*NEEDED, "configs", "arithmetic", "outputs"))
    assert torch.__version__.split("+")[0] in lines["torch"]
    assert str(Path("outputs").absolute()) in lines["outputs"]
    assert not Path("outputs").exists(), "it only looks"


@pytest.mark.parametrize(
    ("route", "told"),
    [
        (Route(speedup=2.2, error=1.2), "oneDNN is 2.2 times as fast as the usual library: taken"),
        (Route(speedup=1.0, error=1.0), "oneDNN is 1.0 times as fast as the usual library: not taken"),
        (Route(speedup=5.0, error=800.0), "oneDNN is 5.0 times as fast as the usual library: not taken, it rounds"),
    ],
)
@pytest.mark.parametrize(
    ("bfloat16", "half"), [(4.0, "4.0 times as fast as float32"), (0.125, "8 times slower than float32")]
)
def test_what_this_processor_is_good_at(monkeypatch, route, told, bfloat16, half):
    monkeypatch.setattr("fsqa.speed.process.try_route", lambda: route)
    monkeypatch.setattr("fsqa.speed.process.bfloat16_speedup", lambda: bfloat16)
    lines = {line[6:].split("  ")[0]: line.split("  ")[-1].strip() for line in call("doctor").out.splitlines()}
    assert lines["float32 route"] == told
    assert lines["bfloat16"].startswith(half)


@pytest.mark.parametrize("outputs", ["file", "file/deeper"])
def test_outputs_that_cannot_be_written(outputs):
    Path("file").write_text("", encoding="utf-8")
    outcome = call("doctor", "--outputs", outputs)
    assert outcome.code == 1
    assert "FAIL  outputs" in outcome.out
    assert "set outputs=" in outcome.out


def test_something_missing(monkeypatch):
    monkeypatch.setattr("fsqa.commands.doctor.NEEDED", ("torch", "no-such-package"))
    outcome = call("doctor")
    assert outcome.code == 1
    assert "FAIL  no-such-package" in outcome.out


def test_optional_packages_are_listed_with_what_brings_them_and_what_they_are_for(monkeypatch):
    extras = {extra: (extra, "something") for extra in ("torch", "no-such-package")} | {"none-such": ("", "more")}
    monkeypatch.setattr("fsqa.commands.doctor.OPTIONAL", extras)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    outcome = call("doctor")
    assert outcome.code == 0
    lines = {line[6:].split("  ")[0]: line.split("  ")[-1].strip() for line in outcome.out.splitlines()}
    assert lines["torch"] == f"{torch.__version__} (something)"
    assert lines["no-such-package"] == "not installed; pip install 'fsqa[no-such-package]' (something)"
    assert lines["none-such"] == "not installed; pip install none-such (more)"
    assert lines["W&B key"].startswith("there is one")


def test_every_extra_is_one_that_the_package_has():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    told = {extra for extra, _ in OPTIONAL.values() if extra}
    assert told == extras.keys() - {"dev"}
    brought = [name for extra in extras.values() for name in extra]
    for name, (extra, _) in OPTIONAL.items():
        assert any(re.match(rf"{name}\b", each) for each in (extras[extra] if extra else brought)), name


def test_arithmetic_in_less_than_float32(monkeypatch):
    def rough(left, right):
        return (left.bfloat16().mm(right.bfloat16()) if left.dtype is torch.float32 else left.mm(right)).to(left.dtype)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rough)
    outcome = call("doctor")
    assert outcome.code == 1
    assert "FAIL  arithmetic" in outcome.out
