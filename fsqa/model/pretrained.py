"""A published model, from the hub or a local folder: its own weights, or a random start of the same shape."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fsqa.errors import InputError
from fsqa.model.build import (
    architecture_config,
    auto_class,
    finish_model,
    make_room,
    random_model,
    token_settings,
    torch_dtype,
)
from fsqa.model.scratch import Scratch
from fsqa.model.shrink import TINY_VOCABULARY, shrunk_sizes
from fsqa.model.source import DECODER, ModelSource, TokenizerKind, Wanted
from fsqa.model.tokenizer import check_added_tokens, first_line, read_tokenizer, with_added_tokens

LOGGER = logging.getLogger(__name__)
WEIGHT_FILES = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin")


@dataclass(frozen=True, kw_only=True)
class Pretrained(ModelSource):
    """Weights, config and tokenizer of a hub id or a folder in Hugging Face layout."""

    path: str
    """Hub id or folder."""
    start: Literal["pretrained", "random"]
    """Whether training starts from the model's weights, or from random ones at the model's real size."""
    revision: str | None
    """Branch, tag or commit on the hub."""
    architecture: str | None
    """The transformers model type, so that a random start or a rehearsal needs no download."""
    published: dict[str, Any]
    """The published config, by its transformers names, where it is not the architecture's default.

    It says what a random start and a rehearsal of a hub id look like; a folder's own config goes before it.
    """
    tokenizer_path: str | None
    """Hub id or folder of the tokenizer; null takes the model's own."""
    added_tokens: list[str]
    """Special tokens to add to the vocabulary."""
    dtype: str
    attention: str | None
    """eager, sdpa, flash_attention_2; null lets transformers choose."""
    gradient_checkpointing: bool
    compile: bool
    """Whether torch.compile makes each block faster."""

    def __post_init__(self) -> None:
        check_added_tokens(self.added_tokens)
        folder = Path(self.path).expanduser()
        looks_local = self.path.startswith((".", "/", "~")) or self.path.count("/") > 1
        if looks_local and not folder.is_dir():
            raise InputError(
                f"model.path: no folder {folder.resolve()}; wanted a hub id or a folder with a saved model"
            )
        if folder.is_dir():
            if not (folder / "config.json").is_file():
                raise InputError(f"model.path: no config.json in {folder.resolve()}; {_what_to_take(folder)}")
            if self.start == "pretrained" and not any(any(folder.glob(pattern)) for pattern in WEIGHT_FILES):
                raise InputError(
                    f"model.path: no weights in {folder.resolve()}; wanted model.safetensors (or pytorch_model.bin)"
                )
        elif self.start == "random" and self.architecture is None:
            raise InputError(
                f"model.start=random: set model.architecture and model.published, so that '{self.path}' can be made "
                "without its config, or take one of the presets, as in model=gpt2"
            )

    def tokenizer(self, texts: Callable[[], Iterator[str]], kind: TokenizerKind = "bytes") -> Any:
        """Read the model's own tokenizer, or the one named."""
        own = self.tokenizer_path is None
        tokenizer = read_tokenizer(self.tokenizer_path or self._place, self.revision if own else None)
        return with_added_tokens(tokenizer, self.added_tokens)

    def model(self, tokenizer: Any, max_length: int, seed: int, wanted: Wanted = DECODER) -> Any:
        """Load the weights, or draw them from the seed; a head that they lack is drawn from it too."""
        model = self._random(tokenizer, seed, wanted) if self.start == "random" else self._loaded(seed, wanted)
        return finish_model(
            make_room(model, tokenizer, self.added_tokens, seed),
            tokenizer,
            max_length,
            gradient_checkpointing=self.gradient_checkpointing,
            compiled=self.compile,
        )

    @property
    def weights_from(self) -> tuple[str, str | None] | None:
        """The hub id or folder, unless its weights were not taken."""
        return (self._place, self.revision) if self.start == "pretrained" else None

    def shrunk(self) -> Scratch:
        """Return a tiny random model of the same architecture with a tokenizer learned from the data."""
        config = self._config()
        return Scratch(
            architecture=config.model_type,
            size=shrunk_sizes(config),
            vocabulary=TINY_VOCABULARY,
            tokenizer_path=None,
            added_tokens=self.added_tokens,
            dtype=self.dtype,
            attention=self.attention,
            gradient_checkpointing=self.gradient_checkpointing,
            compile=self.compile,
        )

    def _random(self, tokenizer: Any, seed: int, wanted: Wanted) -> Any:
        """Draw weights of the real size, with all rows of the published vocabulary, from the seed."""
        config = self._config()
        config.update(token_settings(tokenizer, rows=config.vocab_size))
        return random_model(config, seed, self.dtype, self.attention, wanted)

    def _config(self) -> Any:
        """Return the folder's own config, or the published one as the preset has it."""
        from transformers import AutoConfig

        if Path(self._place).is_dir():
            try:
                return AutoConfig.from_pretrained(self._place)
            except (OSError, ValueError) as error:
                raise InputError(f"model.path: cannot load '{self.path}': {first_line(error)}") from None
        if self.architecture is None:
            raise InputError(
                f"rehearse: set model.architecture, so that '{self.path}' can be rehearsed without the hub"
            )
        return architecture_config(self.architecture, self.published, key="published")

    def _loaded(self, seed: int, wanted: Wanted) -> Any:
        import torch
        from safetensors import SafetensorError

        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                model, loaded = auto_class(wanted).from_pretrained(
                    self._place,
                    revision=self.revision,
                    attn_implementation=self.attention,
                    trust_remote_code=False,
                    output_loading_info=True,
                    **{"dtype": torch_dtype(self.dtype), **wanted.arguments()},
                )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise InputError(f"model.path: cannot load '{self.path}': {first_line(error)}") from None
        body = f"{model.base_model_prefix}."
        missing = sorted(name for name in loaded["missing_keys"] if not wanted.new_head or name.startswith(body))
        if missing:
            raise InputError(
                f"model.path: the weights of '{self.path}' lack {len(missing)} tensors of "
                f"{type(model).__name__}, the first '{missing[0]}'; they would start at random"
            )
        if head := sorted(loaded["missing_keys"]):
            LOGGER.warning(
                "fsqa: note: '%s' has no head for this objective: %d of its tensors (%s ...) start at random",
                *(self.path, len(head), head[0]),
            )
        return model

    @property
    def _place(self) -> str:
        return str(Path(self.path).expanduser())


def _what_to_take(folder: Path) -> str:
    """Say what to name in place of a folder that is no whole model, though it may be of a finished run."""
    if (folder / "adapter_config.json").is_file():
        return (
            "it holds an adapter; merge it into its base with fsqa export RUN --format merged --output FOLDER, and "
            "name that folder"
        )
    if (folder / "model").is_dir():
        return f"it is a run, and its model is in {folder / 'model'}"
    return "wanted a folder in Hugging Face layout"
