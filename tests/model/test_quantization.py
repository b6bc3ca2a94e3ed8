import importlib.util

import pytest
import torch

from fsqa.errors import InputError
from fsqa.model.quantization import Quantization


def test_arguments():
    assert Quantization(kind="none").arguments() == {}
    assert Quantization(kind="bfloat16").arguments("cuda") == {"dtype": torch.bfloat16}
    arguments = Quantization(kind="int8").arguments("cuda")
    assert arguments["quantization_config"].load_in_8bit
    assert arguments["device_map"] == {"": "cuda"}
    config = Quantization(kind="nf4").arguments("cpu")["quantization_config"]
    assert (config.load_in_4bit, config.bnb_4bit_quant_type, config.bnb_4bit_compute_dtype) == (
        True,
        "nf4",
        torch.float32,
    )
    assert Quantization(kind="nf4").arguments("cuda")["quantization_config"].bnb_4bit_compute_dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nf4", r"nf4 weights need bitsandbytes, and it is not installed; pip install 'fsqa\[quantization\]'"),
        ("torchao_int8", r"torchao_int8 weights need torchao, and it is not installed; pip install 'fsqa\[torchao\]'"),
    ],
)
def test_what_is_not_installed(kind, told, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=told):
        Quantization(kind=kind)
