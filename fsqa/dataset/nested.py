"""Datasets within datasets: what is wrong with one is told by the keys that it has there."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsqa.dataset.base import Dataset
from fsqa.errors import InputError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from fsqa.types import Record, Split


@dataclass(frozen=True)
class Part(Dataset):
    """A dataset as an option of another: its errors say ``dataset.off_topic.path`` instead of ``dataset.path``."""

    option: str
    dataset: Dataset

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the dataset's records."""
        with self._told():
            yield from self.dataset.records(split, dropped)

    def fingerprint(self) -> str:
        """Return the dataset's fingerprint."""
        with self._told():
            return self.dataset.fingerprint()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            # Its own options alone, since a file that an error names may be called dataset.jsonl.
            own = "|".join(vars(self.dataset))
            key = rf"(?<![\w./\\-])dataset(?=\.(?:{own})\b)"
            raise InputError(re.sub(key, f"dataset.{self.option}", str(error))) from None
