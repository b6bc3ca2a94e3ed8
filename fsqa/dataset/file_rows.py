"""Rows of files or of the hub, before anything is made of them: which there are, and of which split."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fsqa.dataset.base import Dataset
from fsqa.dataset.rows import Row, among
from fsqa.dataset.sources import Hub, find, known, stem_of
from fsqa.errors import InputError, did_you_mean
from fsqa.types import SPLITS, Split

FIELDS = ("id", "question", "answers", "context", "kind", "split", "group")
NOT_TAKEN = "not among dataset.only"


@dataclass(kw_only=True, eq=False)
class FileRows(Dataset):
    """Rows read from local files or, when no path is given, from the Hugging Face hub."""

    path: str | None
    files: dict[str, str | None]
    hub: str | None
    hub_config: str | None
    hub_splits: dict[str, str | None]
    fields: dict[str, str | None]
    split_values: dict[str, list[str]]
    only: dict[str, list[str | int | bool]]

    def __post_init__(self) -> None:
        self.files = known("files", self.files, SPLITS)
        self.hub_splits = known("hub_splits", self.hub_splits, SPLITS)
        self.fields = known("fields", self.fields, FIELDS)
        self.split_values = known("split_values", self.split_values, SPLITS)
        values = [value for names in self.split_values.values() for value in names]
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise InputError(f"dataset.split_values: '{twice}' stands there twice; leave it in one split")
        if not self.fields.get("question"):
            raise InputError("dataset.fields.question is not set; give the name of the field that holds it")

    @abstractmethod
    def rows(self, file: Path) -> Iterator[tuple[int | str, Row]]:
        """Yield each row of a file with where it stands there: the number of its first line, or a path in the file."""

    def _split_rows(self, split: Split, dropped: Counter[str]) -> Iterator[tuple[str, str, Row]]:
        """Yield the rows of a split that are taken, each with its place and its number."""
        told = bool(self.fields.get("split"))
        for home in SPLITS if told else (split,):
            for source in self._sources[home]:
                stem, file, empty = stem_of(source), str(source), True
                for line, row in self._rows(source):
                    empty, place = False, f"{file}:{line}"
                    if self.only and not self._is_taken(place, row):
                        if home == split:
                            dropped[NOT_TAKEN] += 1
                    elif not told or self._split_of(place, row, home) == split:
                        yield place, f"{stem}:{line}", row
                if empty:
                    raise InputError(f"{source} has no rows; remove it, or give other files in dataset.files.{home}")

    def _is_taken(self, place: str, row: Row) -> bool:
        for name, values in self.only.items():
            if name not in row:
                raise InputError(
                    f"{place}: no field '{name}' (dataset.only) among {among(row)}{did_you_mean(name, row)}"
                )
            if row[name] not in values:
                return False
        return True

    def _split_of(self, place: str, row: Row, home: Split) -> Split:
        """Return the split that a row says it belongs to, or that of its file."""
        value = self._value(place, row, "split")
        if value in (None, ""):
            return home
        for split in SPLITS:
            if str(value) in self.split_values.get(split, ()):
                return split
        values = [name for names in self.split_values.values() for name in names]
        raise InputError(
            f"{place}: split: '{value}' stands nowhere in dataset.split_values, which has {among(values)}; add it to "
            "the split it belongs to, or leave such rows out with dataset.only"
        )

    @cached_property
    def _filled(self) -> set[Split]:
        """The splits that have rows of their own."""
        if not self.fields.get("split"):
            return {split for split in SPLITS if self._sources[split]}
        return {split for split in SPLITS if next(self._split_rows(split, Counter()), None)}

    def _value(self, place: str, row: Row, field: str) -> object:
        name = self.fields.get(field)
        if name and name not in row:
            raise InputError(
                f"{place}: no field '{name}' (dataset.fields.{field}) among {among(row)}{did_you_mean(name, row)}"
            )
        return row[name] if name else None

    @cached_property
    def _sources(self) -> dict[Split, list[Path]]:
        """The files of each split, or a name that stands for a split on the hub."""
        if self.path:
            return find(Path(self.path).expanduser(), self.files)
        if not self.hub:
            raise InputError("dataset.path is not set; give dataset.path=<a file or a folder>")
        names = {split: self.hub_splits.get(split) for split in SPLITS}
        if not names["train"]:
            raise InputError("dataset.hub_splits.train is not set; give the name of the training split on the hub")
        return {split: [Path(self.hub, name)] if name else [] for split, name in names.items()}

    @cached_property
    def _hub(self) -> Hub:
        return Hub(str(self.hub), self.hub_config)

    def _rows(self, source: Path) -> Iterator[tuple[int | str, Row]]:
        return self.rows(source) if self.path else enumerate(self._hub.rows(source.name), 1)
