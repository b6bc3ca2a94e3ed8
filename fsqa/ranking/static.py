"""Static embeddings: a text is the mean of its tokens' vectors, read from a folder in the layout of Model2Vec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from fsqa.errors import InputError
from fsqa.ranking.embedding import Embedding

FILES = ("tokenizer.json", "model.safetensors")
UNKNOWN = "[UNK]"


@final
@dataclass(kw_only=True, eq=False)
class StaticEmbedding(Embedding):
    """A Model2Vec model (Tulkens and van Dongen 2024) in a local folder: ``tokenizer.json`` and ``model.safetensors``.

    ``mapping`` and ``weights``, which models with a quantised vocabulary have, say which vector a token has and how
    much it counts. Unknown tokens do not count. It needs no GPU, no network and no further package.
    """

    path: str

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the weighted mean of each text's token vectors."""
        table = self._table
        vectors = np.zeros((len(texts), table.shape[1]), np.float32)
        for row, encoded in enumerate(self._tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            ids = [i for i in encoded.ids if i != self._unknown]
            if ids:
                vectors[row] = table[ids].mean(axis=0)
        return vectors

    @cached_property
    def _folder(self) -> Path:
        folder = Path(self.path).expanduser()
        for name in FILES:
            if not (folder / name).is_file():
                raise InputError(
                    f"StaticEmbedding.path: wanted a folder with {' and '.join(FILES)}, and there is no "
                    f"{folder / name}; name the folder of a Model2Vec model"
                )
        return folder

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._folder / FILES[0]))
        except Exception as error:  # noqa: BLE001  # tokenizers raises nothing narrower
            raise InputError(f"{self._folder / FILES[0]}: not a tokenizer ({error}); fetch the file again") from None
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _unknown(self) -> int | None:
        found: int | None = self._tokenizer.token_to_id(UNKNOWN)
        return found

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """Return the vector of every token, weighted, of shape (tokens, width)."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        file = self._folder / FILES[1]
        try:
            tensors: Mapping[str, NDArray[Any]] = load_file(file)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{file}: not weights in safetensors ({error}); fetch the file again") from None
        if "embeddings" not in tensors:
            raise InputError(f"{file}: wanted a tensor 'embeddings', came {', '.join(tensors)}; is this Model2Vec?")
        table = tensors["embeddings"].astype(np.float32)
        table = table[tensors["mapping"]] if "mapping" in tensors else table
        if "weights" in tensors:
            table = table * tensors["weights"].astype(np.float32)[:, None]
        tokens = self._tokenizer.get_vocab_size()
        if len(table) < tokens:
            raise InputError(f"{file}: wanted a vector for each of {tokens} tokens, came {len(table)}; fetch it again")
        return table
