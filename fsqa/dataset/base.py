"""What every dataset is: three splits of records and a fingerprint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from fsqa.types import Record, Split


class Dataset(ABC):
    """Where questions come from: three splits of records."""

    @abstractmethod
    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's records in a fixed order; count every row left out in ``dropped`` by its reason."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hex digest that changes whenever any record could change; cheap to compute."""
