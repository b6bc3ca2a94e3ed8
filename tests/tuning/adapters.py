"""Ways of tuning to test with."""

from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForQuestionAnswering

from fsqa.tuning.dora import Dora
from fsqa.tuning.lora import Lora
from fsqa.tuning.qlora import Qlora

PLAIN = {
    "targets": None,
    "rank": 4,
    "alpha": 16.0,
    "dropout": 0.0,
    "rank_stabilized": False,
    "train_head": False,
}
TOKENS = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
ENCODERS = {
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64},
}


def lora(**changes: object) -> Lora:
    return Lora(**{**PLAIN, **changes})


def dora(**changes: object) -> Dora:
    return Dora(**{**PLAIN, **changes})


def qlora(**changes: object) -> Qlora:
    return Qlora(**{**PLAIN, "bits": "nf4", **changes})


def encoder(architecture: str, head: str = "masked"):
    auto = {"masked": AutoModelForMaskedLM, "span": AutoModelForQuestionAnswering, "causal": AutoModelForCausalLM}[head]
    return auto.from_config(AutoConfig.for_model(architecture, **TOKENS, **ENCODERS[architecture]))


def trainable(model) -> dict[str, int]:
    """Names and sizes of what learns; a tied weight once."""
    return {name: parameter.numel() for name, parameter in model.named_parameters() if parameter.requires_grad}
