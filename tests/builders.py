"""Small examples, batches, tokenizers and models to test with."""

import string
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import yaml
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from fsqa.config.instantiate import build
from fsqa.data.examples import Examples, write_examples
from fsqa.model.scratch import Scratch
from fsqa.model.tokenizer import learn_tokenizer
from fsqa.types import Batch, Example, Record, Role

CONF = Path(__file__).parents[1] / "conf"
LOSSES = sorted(path.stem for path in (CONF / "loss").glob("*.yaml") if path.stem != "span")
"""Losses over the tokens of a vocabulary."""
LETTERS = {"p": Role.PROMPT, "c": Role.CONTEXT, "a": Role.ANSWER, "e": Role.END}
VOCABULARY = 3 + len(string.printable)
"""Tokens of the character tokenizer."""

NO_DROPOUT = {"attention_dropout": 0.0}
SIZES = {
    "gpt_neo": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 2,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 4,
        "max_position_embeddings": 64,
        "embed_dropout": 0.0,
        "resid_dropout": 0.0,
        **NO_DROPOUT,
    },
    "gpt2": {
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": 64,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
    },
    "llama": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
    },
    "opt": {
        "hidden_size": 32,
        "word_embed_proj_dim": 16,
        "ffn_dim": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
        "dropout": 0.0,
        **NO_DROPOUT,
    },
    "gpt_neox": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
    },
    "qwen2": {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 64,
    },
}


def configured(group: str, option: str, **changes: object):
    """Build the object of one file of ``conf``, with some of its keys changed."""
    return build({**yaml.safe_load((CONF / group / f"{option}.yaml").read_text(encoding="utf-8")), **changes})


def characters() -> PreTrainedTokenizerFast:
    vocabulary = {token: i for i, token in enumerate(["<s>", "</s>", "<pad>", *string.printable])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=" "))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


def learned(vocabulary: int = 320):
    texts = ["who wrote the novel emma?", "jane austen", "where is the capital of france?", "paris"]
    return learn_tokenizer(iter(texts), vocabulary)


def example(roles: str, seed: int = 0, vocabulary: int = VOCABULARY) -> Example:
    """One row from its roles, as in ``ppcaae``, with random ids."""
    ids = np.random.default_rng((seed, len(roles))).integers(3, vocabulary, len(roles))
    return Example(ids.astype(np.int32), np.array([LETTERS[letter] for letter in roles], np.uint8), truncated=0)


def random_rows(count: int, seed: int = 0, longest: int = 24) -> list[Example]:
    """Rows of very different lengths, with prompt, answer, end and now and then a context."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        prompt, context, answer = random.integers(1, longest), random.integers(0, 4), random.integers(1, longest)
        rows.append(example("p" * prompt + "c" * context + "a" * answer + "e", seed=seed * 1000 + i))
    return rows


def stored(folder: Path, rows: list[Example]) -> Examples:
    """Store rows as a prepared split and open it."""
    records = [Record(id=str(i), question=f"question {i}", answers=("answer",)) for i in range(len(rows))]
    encoder = SimpleNamespace(examples=lambda laid_out, names: laid_out)
    write_examples(folder, records, lambda record: rows[int(record.id)], encoder, lambda _: None)
    return Examples(folder)


def batch(*rows: str | Example, step: list[str | Example] | None = None, width: int = 0, pad_id: int = 2) -> Batch:
    """Pad rows by hand; ``step`` are all rows of the optimizer step, if there are more."""
    own = [row if isinstance(row, Example) else example(row, seed=i) for i, row in enumerate(rows)]
    whole = own if step is None else [row if isinstance(row, Example) else example(row) for row in step]
    width = max(width, *(len(row.ids) for row in own))
    ids = torch.full((len(own), width), pad_id)
    roles = torch.full((len(own), width), int(Role.PAD))
    for i, row in enumerate(own):
        ids[i, : len(row.ids)] = torch.from_numpy(row.ids)
        roles[i, : len(row.roles)] = torch.from_numpy(row.roles)
    counts = [sum(int(role) == wanted for row in whole for role in row.roles[1:]) for wanted in Role]
    return Batch(ids, roles, torch.arange(len(own)), torch.tensor(len(whole)), torch.tensor(counts))


def scratch(architecture: str = "gpt_neo", **changes: object) -> Scratch:
    settings = {
        "architecture": architecture,
        "size": SIZES.get(architecture, {}),
        "vocabulary": 320,
        "tokenizer_path": None,
        "added_tokens": [],
        "dtype": "float32",
        "attention": None,
        "gradient_checkpointing": False,
        "compile": False,
    }
    return Scratch(**{**settings, **changes})


def tiny_model(architecture: str, seed: int = 0, scale: float = 1.0, max_length: int = 64):
    """A random model for the character tokenizer; ``scale`` stretches its weights, so that its words differ."""
    model = scratch(architecture).model(characters(), max_length, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale)
    return model


def gradient(model: torch.nn.Module) -> torch.Tensor:
    """All gradients of a model as one vector."""
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def apart(left: torch.Tensor, right: torch.Tensor) -> float:
    """Relative distance of two vectors in the L2 norm."""
    return float((left - right).norm() / right.norm())
