from pathlib import Path

import pytest
import torch

from fsqa.commands.doctor import NEEDED
from tests.commands.lines import call


def test_a_sound_machine():
    outcome = call("doctor")
    assert outcome.code == 0
    lines = {line[6:].split("  ")[0]: line for line in outcome.out.splitlines()}
    assert all(lines[name].startswith("ok") for name in (*NEEDED, "configs", "arithmetic", "outputs"))
    assert torch.__version__.split("+")[0] in lines["torch"]
    assert str(Path("outputs").absolute()) in lines["outputs"]
    assert not Path("outputs").exists(), "it only looks"


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


def test_arithmetic_in_less_than_float32(monkeypatch):
    def rough(left, right):
        return (left.bfloat16().mm(right.bfloat16()) if left.dtype is torch.float32 else left.mm(right)).to(left.dtype)

    monkeypatch.setattr(torch.Tensor, "__matmul__", rough)
    outcome = call("doctor")
    assert outcome.code == 1
    assert "FAIL  arithmetic" in outcome.out
