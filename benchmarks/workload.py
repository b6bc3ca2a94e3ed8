"""What is trained on in a race: real questions, real tokenizers, and models of real size from one random start.

Everything is written into a folder once, so that every contestant reads the same questions and the same weights.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fsqa.errors import InputError, did_you_mean
from fsqa.files import write_json, write_rows

WorkloadName = Literal["answers", "blocks", "lora"]

FILES = ("NQ-open.dev.even.jsonl", "NQ-open.efficientqa.dev.1.1.jsonl", "NQ-open.efficientqa.test.1.1.jsonl")
END = "<|endoftext|>"

LONGEST_ROW, LONGEST_ANSWER = 35, 6
"""In tokens: what the training scripts that this package replaces padded rows to, and how long answers could be."""

BLOCK = 256
SMOOTHING = 0.1
LEARNING_RATE = 1e-5
WEIGHT_DECAY = 0.01
CLIP = 1.0
SEED = 0
LORA_RANK, LORA_ALPHA = 8, 16


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model of real size; dropout is off, so that everybody trains the same function."""

    architecture: str
    sizes: Mapping[str, Any]
    vocabulary: int
    """Rows of the head."""
    tokens: int
    """Tokens of its tokenizer: all of GPT-2's, or the first of them."""
    lora: tuple[str, ...]
    """Projections that get an adapter."""


GPT2_TOKENS = 50_257

SHAPES = {
    "gpt_neo_125m": Shape(
        architecture="gpt_neo",
        sizes={
            "hidden_size": 768,
            "num_layers": 12,
            "num_heads": 12,
            "attention_types": [[["global", "local"], 6]],
            "window_size": 256,
            "max_position_embeddings": 2048,
        },
        vocabulary=GPT2_TOKENS,
        tokens=GPT2_TOKENS,
        lora=("q_proj", "v_proj"),
    ),
    "gpt2_124m": Shape(
        architecture="gpt2",
        sizes={"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
        vocabulary=GPT2_TOKENS,
        tokens=GPT2_TOKENS,
        lora=("c_attn",),
    ),
    "small": Shape(
        architecture="gpt_neo",
        sizes={
            "hidden_size": 256,
            "num_layers": 4,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 2]],
            "window_size": 256,
            "max_position_embeddings": 2048,
        },
        vocabulary=8_000,
        tokens=8_000,
        lora=("q_proj", "v_proj"),
    ),
    "qwen2_0_5b": Shape(
        architecture="qwen2",
        sizes={
            "max_position_embeddings": 131072,
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-6,
            "tie_word_embeddings": True,
        },
        vocabulary=151_936,
        tokens=GPT2_TOKENS,
        lora=("q_proj", "v_proj"),
    ),
}


def shape_named(name: str) -> Shape:
    """Return a model's shape; raises InputError for a name that is none."""
    if name not in SHAPES:
        raise InputError(
            f"--model: there is no '{name}'{did_you_mean(name, SHAPES)}; the models are {', '.join(SHAPES)}"
        )
    return SHAPES[name]


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question and its answer as text, laid out so that the tokens of both join without a third piece."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Folders:
    """Where a prepared model and its questions are."""

    root: Path

    @property
    def model(self) -> Path:
        """Config, weights and tokenizer as transformers saves them."""
        return self.root / "model"

    @property
    def questions(self) -> Path:
        """JSON lines of each split, as fsqa and everybody else reads them."""
        return self.root / "questions"

    @property
    def texts(self) -> Path:
        """JSON lines of each split with a question and its answer as one text."""
        return self.root / "texts"

    @property
    def facts(self) -> Path:
        """What was counted."""
        return self.root / "workload.json"


def prepare(name: str, data: Path, tokenizer: Path, work: Path) -> Folders:
    """Write the questions and the random start of a model once; what is there already stays.

    ``data`` is the folder of nq_open files, ``tokenizer`` that of GPT-2's vocabulary and merges.
    """
    folders, shape = Folders(work / name), shape_named(name)
    if folders.facts.is_file():
        return folders
    for file in (*(data / file for file in FILES), tokenizer / "vocab.json", tokenizer / "merges.txt"):
        if not file.is_file():
            option = "--data" if file.parent == data else "--tokenizer"
            raise InputError(f"{option}: no file {file}; wanted the folder of {file.name}")
    shutil.rmtree(folders.root, ignore_errors=True)  # what was begun and not finished
    fast = tokenizer_of(tokenizer, shape.tokens)
    fast.save_pretrained(folders.model)
    questions = list(chosen(data, fast))
    _write_questions(questions, folders)
    parameters = _write_model(shape, fast, folders.model)
    write_json(folders.facts, {"questions": len(questions), **parameters})
    return folders


def tokenizer_of(folder: Path, tokens: int) -> Any:
    """Return GPT-2's tokenizer with its first so many tokens; the last of them closes an answer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    kept = {piece: number for piece, number in vocabulary.items() if number < tokens - 1}
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    merges = [pair for pair in pairs if "".join(pair) in kept]
    core = Tokenizer(models.BPE(kept, merges))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([END])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token=END, eos_token=END, unk_token=END, pad_token=END, model_max_length=1024
    )


def chosen(data: Path, tokenizer: Any) -> Iterator[Question]:
    """Yield the questions with one short answer, in an order drawn once."""
    found = []
    for file in FILES:
        for line in (data / file).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if len(row["answer"]) == 1:
                found.append(Question(prompt=f"{row['question']}?", completion=f" {row['answer'][0]}"))
    random.Random(SEED).shuffle(found)
    for question in found:
        asked, answered = encoded(question, tokenizer)
        if len(answered) <= LONGEST_ANSWER and len(asked) + len(answered) + 1 <= LONGEST_ROW:
            yield question


def encoded(question: Question, tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the tokens of a question and of its answer, without the end token."""
    return tuple(
        tokenizer(text, add_special_tokens=False)["input_ids"] for text in (question.prompt, question.completion)
    )


def read_questions(folder: Path) -> list[Question]:
    """Read the training questions in their order."""
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Question(prompt=f"{row['question']}?", completion=f" {row['answer']}") for row in rows]


def smoothing_entropy(vocabulary: int, smoothing: float = SMOOTHING) -> float:
    """Return what the smoothed cross-entropy of one target is above its KL divergence: the target's own entropy."""
    spread = smoothing / vocabulary
    right = 1 - smoothing + spread
    rest = (vocabulary - 1) * spread * math.log(spread) if smoothing else 0.0
    return -(right * math.log(right) + rest)


def _write_questions(questions: list[Question], folders: Folders) -> None:
    """Write all questions for training, and few for validation and test: neither belongs to the race."""
    for split, part in {"train": questions, "valid": questions[:8], "test": questions[8:16]}.items():
        rows = [{"question": q.prompt.removesuffix("?"), "answer": q.completion.removeprefix(" ")} for q in part]
        write_rows(folders.questions / f"{split}.jsonl", rows)
        write_rows(folders.texts / f"{split}.jsonl", [{"text": q.prompt + q.completion} for q in part])


def _write_model(shape: Shape, tokenizer: Any, folder: Path) -> dict[str, Any]:
    """Draw the weights, save them, and count them."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    end = tokenizer.eos_token_id
    config = AutoConfig.for_model(
        shape.architecture,
        **{
            **shape.sizes,
            "vocab_size": shape.vocabulary,
            "bos_token_id": end,
            "eos_token_id": end,
            "pad_token_id": end,
        },
    )
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    return count_weights(model)


def count_weights(model: Any) -> dict[str, Any]:
    """Return all parameters, those every token is multiplied by and the shapes they come in, and those of the head."""
    import torch

    head = model.get_output_embeddings().weight
    tables = {id(head), *(id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding))}
    matrices = [p for p in model.parameters() if p.ndim == 2 and id(p) not in tables]
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "body": sum(p.numel() for p in matrices),
        "head": head.numel(),
        "matrices": sorted({(p.shape[1], p.shape[0]) for p in matrices}),
        "head_matrix": (head.shape[1], head.shape[0]),
    }
