"""Documents to model as text: files of one document each, or rows of JSON lines."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import final

from fsqa.dataset.base import Dataset
from fsqa.dataset.content import content_hash
from fsqa.dataset.holdout import Draw, Mask, carve
from fsqa.dataset.jsonl import read_lines, read_objects
from fsqa.dataset.rows import among, check_letters
from fsqa.dataset.sources import known
from fsqa.errors import InputError, did_you_mean
from fsqa.types import SPLITS, Record, Split

FIELDS = ("text", "id", "kind")
CARVED: tuple[Split, ...] = ("validation", "test")
EMPTY = "the document is empty"


@final
@dataclass(kw_only=True, eq=False)
class Documents(Dataset):
    """Documents read from local files. A document is a record with nothing but a context.

    Texts are kept as they stand, but for white space at both ends; an empty one is left out and counted. Public
    attributes are exactly the options, and all of them but ``path`` enter the fingerprint. The files are taken to stay
    as they are while the object lives.
    """

    path: str
    files: dict[str, str | None]
    fields: dict[str, str | None]
    holdout: dict[str, float]
    holdout_seed: int
    limit: dict[str, int | None]

    def __post_init__(self) -> None:
        self.files = known("files", self.files, SPLITS)
        self.fields = known("fields", self.fields, FIELDS)
        self.holdout = known("holdout", self.holdout, CARVED)
        self.limit = known("limit", self.limit, SPLITS)
        if not self.fields.get("text"):
            raise InputError("dataset.fields.text is not set; give the name of the field that holds the document")
        for split, part in self.holdout.items():
            if part < 0 or part != part or (part >= 1 and part != int(part)):
                raise InputError(f"dataset.holdout.{split} is {part}; wanted a share below 1 or a whole number")
        for split, most in self.limit.items():
            if most is not None and most < 1:
                raise InputError(f"dataset.limit.{split} is {most}; wanted at least 1, or null for every document")

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's documents in the order of their files; count every one left out by its reason."""
        limit = self.limit.get(split)
        if limit is None:
            yield from self._of_split(split, dropped)
            return
        draw = Draw(seed=self.holdout_seed, purpose="limit")
        for record in self._of_split(split, Counter()):
            draw.add(record.kind, record.context)
        kept = draw.sample(min(limit, len(draw)))
        for keep, record in zip(kept, self._of_split(split, dropped), strict=True):
            if keep:
                yield record
            else:
                dropped[f"over dataset.limit.{split}"] += 1

    def fingerprint(self) -> str:
        """Return a hash of the options and of every file's name and content, wherever the folder lies."""
        options = {name: value for name, value in vars(self).items() if name != "path" and not name.startswith("_")}
        digest = sha256(json.dumps([type(self).__name__, options], sort_keys=True).encode())
        for split, files in self._sources.items():
            for file in files:
                digest.update(f"\n{split} {self._name(file)} {content_hash(file)}".encode())
        return digest.hexdigest()

    def _of_split(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield a split's documents, be it a split with files of its own or a part of the training documents."""
        if split != "train" and self._sources[split]:
            yield from self._read(split, dropped)
        elif (parts := self._parts) is None:
            yield from self._read("train", dropped) if split == "train" else ()
        else:
            # What is empty belongs to no part; it is counted once, with the training documents.
            whole = self._read("train", dropped if split == "train" else Counter())
            for mine, record in zip(parts[split], whole, strict=True):
                if mine:
                    yield record

    @cached_property
    def _parts(self) -> dict[Split, Mask] | None:
        """Which training documents each split takes, or nothing when no split is held out."""
        wanted = {split: part for split in CARVED if (part := self.holdout.get(split)) and not self._sources[split]}
        if not wanted:
            return None
        draw = Draw(seed=self.holdout_seed, purpose="holdout")
        for record in self._read("train", Counter()):
            draw.add(record.kind, record.context)
        return carve(draw, wanted)

    def _read(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield every document of the split's own files that is not empty; two with one id are an error."""
        seen: set[str] = set()
        for file in self._sources[split]:
            for place, record in self._rows(file) if ".jsonl" in file.suffixes else self._whole(file):
                if not record.context:
                    dropped[EMPTY] += 1
                    continue
                if record.id in seen:
                    raise InputError(
                        f"{place}: another document has the id '{record.id}' already; make the ids differ, or number "
                        "the rows with dataset.fields.id=null"
                    )
                seen.add(record.id)
                yield record

    def _whole(self, file: Path) -> Iterator[tuple[str, Record]]:
        text = "".join(line for _, line in read_lines(file))
        yield str(file), Record(id=self._name(file), question="", answers=(), context=text.strip())

    def _rows(self, file: Path) -> Iterator[tuple[str, Record]]:
        for number, row in read_objects(file):
            place = f"{file}:{number}"
            identity = row.get(self.fields.get("id") or "")
            yield (
                place,
                Record(
                    id=f"{self._name(file)}:{number}" if identity in (None, "") else str(identity),
                    question="",
                    answers=(),
                    context=self._text(place, row, "text"),
                    kind=self._text(place, row, "kind") if self.fields.get("kind") else "",
                ),
            )

    def _text(self, place: str, row: dict[str, object], field: str) -> str:
        name = str(self.fields[field])
        if name not in row:
            near = did_you_mean(name, row)
            raise InputError(f"{place}: no field '{name}' (dataset.fields.{field}) among {among(row)}{near}")
        value = row[name]
        if not isinstance(value, str):
            raise InputError(f"{place}: {name}: wanted a text, came {type(value).__name__} {value!r:.60}; mend the row")
        check_letters(place, name, value)
        return value.strip()

    def _name(self, file: Path) -> str:
        """Call a file by its path in the folder, the same whether it is packed or not."""
        root = Path(self.path).expanduser()
        return (file.relative_to(root).as_posix() if file != root else file.name).removesuffix(".gz")

    @cached_property
    def _sources(self) -> dict[Split, list[Path]]:
        """The files of each split, in the order of their paths."""
        root = Path(self.path).expanduser()
        found: dict[Split, list[Path]] = {split: [] for split in SPLITS}
        if root.is_file():
            found["train"].append(root)
            return found
        if not root.is_dir():
            siblings = [entry.name for entry in root.parent.iterdir()] if root.parent.is_dir() else []
            near = did_you_mean(root.name, siblings)
            raise InputError(f"dataset.path: there is no file or folder {root.absolute()}{near}")
        names = sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())
        for name in names:
            split = next((split for split in (*CARVED, *SPLITS) if self._matches(name, split)), None)
            if split and not any(part.startswith(".") for part in name.split("/")):
                found[split].append(root / name)
        if not found["train"]:
            holds = f"holds {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else "is empty"
            raise InputError(
                f"dataset.files.train: no file in {root.absolute()} matches '{self.files.get('train')}'; "
                f"the folder {holds}"
            )
        return found

    def _matches(self, name: str, split: Split) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in (self.files.get(split) or "").split("|"))
