"""A pretrained model from the hub or a local folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsqa.errors import InputError
from fsqa.model.build import auto_class, finish_model, torch_dtype
from fsqa.model.scratch import Scratch
from fsqa.model.shrink import TINY_VOCABULARY, shrunk_sizes
from fsqa.model.source import DECODER, ModelSource, TokenizerKind, Wanted
from fsqa.model.tokenizer import first_line, read_tokenizer

WEIGHT_FILES = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin")


@dataclass(frozen=True, kw_only=True)
class Pretrained(ModelSource):
    """Weights, config and tokenizer of a hub id or a folder in Hugging Face layout."""

    path: str
    """Hub id or folder."""
    revision: str | None
    """Branch, tag or commit on the hub."""
    architecture: str | None
    """The transformers model type, so that a rehearsal needs no download; null reads it from ``path``."""
    tokenizer_path: str | None
    """Hub id or folder of the tokenizer; null takes the model's own."""
    dtype: str
    attention: str | None
    """eager, sdpa, flash_attention_2; null lets transformers choose."""
    gradient_checkpointing: bool

    def __post_init__(self) -> None:
        folder = Path(self.path).expanduser()
        looks_local = self.path.startswith((".", "/", "~")) or self.path.count("/") > 1
        if looks_local and not folder.is_dir():
            raise InputError(
                f"model.path: no folder {folder.resolve()}; wanted a hub id or a folder with a saved model"
            )
        if folder.is_dir():
            if not (folder / "config.json").is_file():
                raise InputError(
                    f"model.path: no config.json in {folder.resolve()}; wanted a folder in Hugging Face layout"
                )
            if not any(any(folder.glob(pattern)) for pattern in WEIGHT_FILES):
                raise InputError(
                    f"model.path: no weights in {folder.resolve()}; wanted model.safetensors (or pytorch_model.bin)"
                )

    def tokenizer(self, texts: Callable[[], Iterator[str]], kind: TokenizerKind = "bytes") -> Any:
        """Read the model's own tokenizer, or the one named."""
        return read_tokenizer(self.tokenizer_path or self._place, None if self.tokenizer_path else self.revision)

    def model(self, tokenizer: Any, max_length: int, seed: int, wanted: Wanted = DECODER) -> Any:
        """Load the weights; the seed decides nothing here."""
        from safetensors import SafetensorError

        try:
            model, loaded = auto_class(wanted).from_pretrained(
                self._place,
                revision=self.revision,
                dtype=torch_dtype(self.dtype),
                attn_implementation=self.attention,
                trust_remote_code=False,
                output_loading_info=True,
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
        return finish_model(model, tokenizer, max_length, self.gradient_checkpointing)

    def shrunk(self) -> Scratch:
        """Return a tiny random model of the same architecture with a tokenizer learned from the data."""
        from transformers import CONFIG_MAPPING, AutoConfig

        if Path(self._place).is_dir():
            config = AutoConfig.from_pretrained(self._place)
        elif self.architecture is not None:
            config = CONFIG_MAPPING[self.architecture]()
        else:
            raise InputError(
                f"rehearse: set model.architecture, so that '{self.path}' can be rehearsed without the hub"
            )
        return Scratch(
            architecture=config.model_type,
            size=shrunk_sizes(config),
            vocabulary=TINY_VOCABULARY,
            tokenizer_path=None,
            dtype=self.dtype,
            attention=self.attention,
            gradient_checkpointing=self.gradient_checkpointing,
        )

    @property
    def _place(self) -> str:
        return str(Path(self.path).expanduser())
