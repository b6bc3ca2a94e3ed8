"""Questions about everything else: what a system that knows one subject should not try to answer."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fsqa.dataset.base import Dataset
from fsqa.dataset.chance import rank
from fsqa.dataset.content import content_hash
from fsqa.dataset.jsonl import read_lines
from fsqa.errors import InputError, did_you_mean
from fsqa.types import Record, Split

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence

Part = TypeVar("Part")

OWN_FILE = Path(__file__).with_name("off_topic.txt")
HELD_OUT: tuple[Split, ...] = ("validation", "test")


@dataclass(frozen=True, kw_only=True)
class OffTopic(Dataset):
    """Questions by theme, without answers: they are there to be mixed in as refusals.

    Some themes are asked about in validation alone and some in test alone, so that a refusal there is one of a subject
    that training never saw. Of every other theme a share of the questions is held out. The order is shuffled.
    """

    path: str | None
    """A text file with one question a line below headings ``# theme``; null for the questions of fsqa itself."""
    whole_themes: dict[str, int]
    """How many themes validation and test have to themselves."""
    holdout: dict[str, float]
    """The share of every other theme that validation and test have."""
    seed: int
    """Decides the themes and the questions that are held out, and the order. It is no seed of the training."""

    def __post_init__(self) -> None:
        for option in ("whole_themes", "holdout"):
            for split in (given := getattr(self, option)):
                if split not in HELD_OUT:
                    near = did_you_mean(split, HELD_OUT)
                    raise InputError(f"dataset.{option} has no key '{split}'; wanted {', '.join(HELD_OUT)}{near}")
            if any(part < 0 for part in given.values()):
                raise InputError(f"dataset.{option} is {given}; wanted numbers of 0 or more")
        if sum(self.holdout.values()) >= 1:
            raise InputError(f"dataset.holdout is {self.holdout}; wanted shares that leave some questions to train on")

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's questions, their theme as their kind and nothing as their answer; none is left out."""
        yield from self._splits[split]

    def fingerprint(self) -> str:
        """Return a hash of the options and of the file's content, wherever it lies."""
        options = [self.whole_themes, self.holdout, self.seed]
        stated = json.dumps(["OffTopic", options, self._file.stem, content_hash(self._file)], sort_keys=True)
        return hashlib.sha256(stated.encode()).hexdigest()

    @property
    def _file(self) -> Path:
        if self.path is None:
            return OWN_FILE
        file = Path(self.path).expanduser()
        if not file.is_file():
            raise InputError(f"dataset.path: there is no file {file.absolute()}")
        return file

    @cached_property
    def _splits(self) -> dict[Split, list[Record]]:
        themes = read_themes(self._file)
        if sum(self.whole_themes.values()) >= len(themes):
            raise InputError(
                f"dataset.whole_themes takes {self.whole_themes} of the {len(themes)} themes of {self._file.name} and "
                "leaves none to train on; make it smaller"
            )
        splits: dict[Split, list[Record]] = {"train": [], "validation": [], "test": []}
        order = sorted(themes, key=lambda theme: rank(self.seed, "theme", theme))
        for split, whole in _cut(order, self.whole_themes).items():
            for theme in whole:
                parts: Mapping[Split, Sequence[Record]] = {split: themes[theme]}
                if split == "train":
                    sizes = {part: round(share * len(themes[theme])) for part, share in self.holdout.items()}
                    parts = _cut(sorted(themes[theme], key=self._rank), sizes)
                for part, questions in parts.items():
                    splits[part].extend(questions)
        return {split: sorted(records, key=self._rank) for split, records in splits.items()}

    def _rank(self, record: Record) -> int:
        return rank(self.seed, "question", record.question)


def _cut(rows: Sequence[Part], sizes: Mapping[str, int]) -> dict[Split, Sequence[Part]]:
    """Take test from the front and validation from the end, so that neither changes with the size of the other."""
    first, last = sizes.get("test", 0), len(rows) - sizes.get("validation", 0)
    return {"train": rows[first:last], "validation": rows[last:], "test": rows[:first]}


def read_themes(file: Path) -> dict[str, list[Record]]:
    """Return the questions of a file by their theme; a question that stands in it twice is an error."""
    themes: dict[str, list[Record]] = defaultdict(list)
    places: dict[str, int] = {}
    theme = ""
    for number, line in read_lines(file):
        text = line.strip()
        if text.startswith("#"):
            theme = text.lstrip("# ")
        elif text and not theme:
            raise InputError(f"{file}:{number}: wanted a heading such as '# cooking' above the first question")
        elif text:
            first = places.setdefault(" ".join(text.casefold().split()), number)
            if first != number:
                raise InputError(f"{file}:{number}: the question stands at line {first} already; remove one of them")
            themes[theme].append(Record(id=f"{file.stem}:{number}", question=text, answers=(), kind=theme))
    if not themes:
        raise InputError(f"{file} has no questions; write one a line below a heading such as '# cooking'")
    return dict(themes)
