"""Datasets read from files: which file belongs to which split, and what becomes of each row."""

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, final

from fsqa.dataset.base import Dataset
from fsqa.dataset.content import content_hash
from fsqa.dataset.holdout import Draw, Mask, carve
from fsqa.errors import InputError, did_you_mean
from fsqa.types import SPLITS, Record, Split

Row = Mapping[str, object]
Value = TypeVar("Value")
FIELDS = ("id", "question", "answers", "context", "kind")
POLICIES = ("single", "first", "all")


@dataclass(kw_only=True, eq=False)
class FileDataset(Dataset):
    """Questions read from local files or, when no path is given, from the Hugging Face hub; a row is a question.

    Public attributes are exactly the options, and all of them but ``path`` enter the fingerprint. Texts are kept as
    they stand in the file, but for white space at both ends; repeated answers of a row count once. The files are taken
    to stay as they are while the object lives.
    """

    path: str | None
    files: dict[str, str | None]
    hub: str | None
    hub_splits: dict[str, str | None]
    fields: dict[str, str | None]
    answers: Literal["single", "first", "all"]
    shortest_answer: int
    holdout: dict[str, float]
    holdout_seed: int
    limit: dict[str, int | None]

    def __post_init__(self) -> None:
        self.files = _known("files", self.files, SPLITS)
        self.hub_splits = _known("hub_splits", self.hub_splits, SPLITS)
        self.fields = _known("fields", self.fields, FIELDS)
        self.holdout = _known("holdout", self.holdout, ("validation", "test"))
        self.limit = _known("limit", self.limit, SPLITS)
        if self.answers not in POLICIES:
            raise InputError(f"dataset.answers is '{self.answers}'; wanted {', '.join(POLICIES)}")
        for field in ("question", "answers"):
            if not self.fields.get(field):
                raise InputError(f"dataset.fields.{field} is not set; give the name of the field that holds it")
        for split, part in self.holdout.items():
            if part < 0 or part != part or (part >= 1 and part != int(part)):
                raise InputError(f"dataset.holdout.{split} is {part}; wanted a share below 1 or a whole number of rows")
        for split, most in self.limit.items():
            if most is not None and most < 1:
                raise InputError(f"dataset.limit.{split} is {most}; wanted at least 1, or null for every record")

    @abstractmethod
    def rows(self, file: Path) -> Iterator[tuple[int | str, Row]]:
        """Yield each row of a file with where it stands there: the number of its first line, or a path in the file."""

    def carved(self, wanted: Mapping[Split, float]) -> dict[Split, Mask]:
        """Return which training rows each split takes when the ``wanted`` parts are held out of them."""
        # Rows are held out before any is dropped for its answers, so that one row never changes sides between two
        # answer policies: a model trained under one may be scored on the validation rows of another.
        draw = Draw(seed=self.holdout_seed, purpose="holdout")
        for record in self._read("train"):
            draw.add(record.kind, record.question, record.context)
        return carve(draw, wanted)

    @final
    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's records in the order of the files; count every row left out by its reason."""
        limit = self.limit.get(split)
        if limit is None:
            yield from self._eligible(split, dropped)
            return
        draw = Draw(seed=self.holdout_seed, purpose="limit")
        for record in self._eligible(split, Counter()):
            draw.add(record.kind, record.question, record.context, record.answers[0])
        kept = draw.sample(min(limit, len(draw)))
        for keep, record in zip(kept, self._eligible(split, dropped), strict=True):
            if keep:
                yield record
            else:
                dropped[f"over dataset.limit.{split}"] += 1

    @final
    def fingerprint(self) -> str:
        """Return a hash of the options and of every file's name and content, wherever the files lie."""
        options = {name: value for name, value in vars(self).items() if name != "path" and not name.startswith("_")}
        digest = sha256(json.dumps([type(self).__name__, options], sort_keys=True).encode())
        for split, sources in self._sources.items():
            for source in sources:
                digest.update(f"\n{split} {source.name} {self._content(source)}".encode())
        return digest.hexdigest()

    def _eligible(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's records that the answer options keep."""
        several = self.answers == "all" and split == "train"
        for record in self._questions(split):
            answers, starts = record.answers, record.answer_starts
            if self.answers == "single" and len(answers) > 1:
                dropped["more than one answer"] += 1
                continue
            for place, answer in enumerate(answers if several else answers[:1]):
                if len(answer) < self.shortest_answer:
                    dropped[f"answer shorter than {self.shortest_answer} characters"] += 1
                elif several and len(answers) > 1:
                    yield replace(
                        record,
                        id=f"{record.id}#{place + 1}",
                        answers=answers[place:] + answers[:place],
                        answer_starts=starts[place:] + starts[:place],
                    )
                else:
                    yield record

    def _questions(self, split: Split) -> Iterator[Record]:
        """Yield a record for each row of the split, be it a split of its own or a part of the training rows."""
        if split != "train" and self._sources[split]:
            yield from self._read(split)
        elif (parts := self._parts) is None:
            yield from self._read("train") if split == "train" else ()
        else:
            for mine, record in zip(parts[split], self._read("train"), strict=True):
                if mine:
                    yield record

    @cached_property
    def _parts(self) -> dict[Split, Mask] | None:
        """Which training rows each split takes, or nothing when every split has files or no holdout."""
        carved: tuple[Split, ...] = ("validation", "test")
        wanted = {split: part for split in carved if (part := self.holdout.get(split)) and not self._sources[split]}
        return self.carved(wanted) if wanted else None

    def _read(self, split: Split) -> Iterator[Record]:
        """Yield a record for each row of the split's own files; two with one id are an error."""
        seen: set[int] = set()
        for place, record in self._placed(split):
            if (key := hash(record.id)) in seen:
                self._refuse_duplicate(split, record.id, place)
            seen.add(key)
            yield record

    def _refuse_duplicate(self, split: Split, identity: str, place: str) -> None:
        # Only hashes are kept, so the first place is found by reading again; two ids may also share a hash by chance.
        first = next(first for first, record in self._placed(split) if record.id == identity)
        if first != place:
            raise InputError(
                f"{place}: the id '{identity}' stands at {first} already; make the ids differ, or number the rows "
                "with dataset.fields.id=null"
            )

    def _placed(self, split: Split) -> Iterator[tuple[str, Record]]:
        for source in self._sources[split]:
            stem, empty = _stem(source), True
            for line, row in self._rows(source):
                empty, place = False, f"{source}:{line}"
                yield place, self._record(place, f"{stem}:{line}", row)
            if empty:
                raise InputError(f"{source} has no rows; remove it, or give other files in dataset.files.{split}")

    def _record(self, place: str, number: str, row: Row) -> Record:
        """Return the row as a record; ``number`` is its id when the row has none."""
        named = self.fields.get("id")
        identity = row.get(named) if named else None
        kind, context = self._value(place, row, "kind"), self._value(place, row, "context")
        answers = self._value(place, row, "answers")
        if isinstance(answers, str):
            answers = [answers]
        if not isinstance(answers, list):
            came = type(answers).__name__
            raise InputError(f"{place}: answers: wanted a text or a list of texts, came {came}; mend the row")
        if not answers:
            raise InputError(f"{place}: answers: the list is empty; give an answer or remove the row")
        return Record(
            id=number if identity in (None, "") else _text(place, "id", identity, or_number=True),
            question=_text(place, "question", self._value(place, row, "question")),
            answers=tuple(dict.fromkeys(_text(place, "answers", answer) for answer in answers)),
            context="" if context in (None, "") else _text(place, "context", context),
            kind="" if kind in (None, "") else _text(place, "kind", kind, or_number=True),
        )

    def _value(self, place: str, row: Row, field: str) -> object:
        name = self.fields.get(field)
        if name and name not in row:
            among = f"{', '.join(row) or 'none'}{did_you_mean(name, row)}"
            raise InputError(f"{place}: no field '{name}' (dataset.fields.{field}) among {among}")
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

    def _rows(self, source: Path) -> Iterator[tuple[int | str, Row]]:
        if self.path:
            return self.rows(source)
        batches = self._hub_batches(source.name)
        rows = (dict(zip(batch, row, strict=True)) for batch in batches for row in zip(*batch.values(), strict=True))
        return enumerate(rows, 1)

    def _hub_batches(self, name: str) -> Iterator[dict[str, list[object]]]:
        if name not in (known := self._hub_data):
            near = did_you_mean(name, known)
            raise InputError(f"dataset.hub_splits: '{self.hub}' has no split '{name}' but {', '.join(known)}{near}")
        return cast("Iterator[dict[str, list[object]]]", known[name].iter(batch_size=1000))

    @cached_property
    def _hub_data(self) -> Mapping[str, Any]:
        import datasets  # imported here because it takes a second, and files need none of it

        try:
            return cast("Mapping[str, Any]", datasets.load_dataset(self.hub))
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise InputError(
                f"dataset.hub: '{self.hub}' cannot be loaded ({reason}); without a network give "
                "dataset.path=<a file or a folder>"
            ) from error

    def _content(self, source: Path) -> str:
        if self.path:
            return content_hash(source)
        digest = sha256()
        for batch in self._hub_batches(source.name):
            digest.update(json.dumps(batch, sort_keys=True, default=str).encode())
        return digest.hexdigest()


def find(path: Path, patterns: Mapping[str, str | None]) -> dict[Split, list[Path]]:
    """Return the files of each split: all rows of a single file are for training, a folder's files go by name."""
    found: dict[Split, list[Path]] = {split: [] for split in SPLITS}
    if path.is_file():
        found["train"].append(path)
        return found
    if not path.is_dir():
        near = did_you_mean(path.name, (entry.name for entry in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise InputError(f"dataset.path: there is no file or folder {path.absolute()}{near}")
    names = sorted(entry.name for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    globs = {split: (patterns.get(split) or "").split("|") for split in SPLITS}
    stems: dict[str, str] = {}
    for name in names:
        splits = [split for split in SPLITS if any(fnmatchcase(name, glob) for glob in globs[split])]
        if len(splits) > 1:
            raise InputError(
                f"{path / name} matches dataset.files.{splits[0]} and dataset.files.{splits[1]}; narrow the patterns"
            )
        for split in splits:
            if (other := stems.setdefault(_stem(Path(name)), name)) != name:
                raise InputError(f"{path / name} and {other} have one name and would share ids; keep one of them")
            found[split].append(path / name)
    if not found["train"]:
        holds = f"holds {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else "is empty"
        raise InputError(
            f"dataset.files.train: no file in {path.absolute()} matches '{patterns.get('train')}'; the folder {holds}"
        )
    return found


def _stem(file: Path) -> str:
    return Path(file.name.removesuffix(".gz")).stem


def _known(option: str, given: Mapping[str, Value], known: tuple[str, ...]) -> dict[str, Value]:
    for key in given:
        if key not in known:
            near = did_you_mean(key, known)
            raise InputError(f"dataset.{option} has no key '{key}'; wanted {', '.join(known)}{near}")
    return dict(given)


def _text(place: str, field: str, value: object, *, or_number: bool = False) -> str:
    if or_number and isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise InputError(f"{place}: {field}: wanted a text, came {type(value).__name__} {value!r:.60}; mend the row")
    text = value.strip()
    if not text:
        raise InputError(f"{place}: {field}: the text is empty; fill it in or remove the row")
    # Half of a surrogate pair passes through JSON escapes but can be neither tokenised nor written.
    if not text.isascii() and text.encode(errors="ignore").decode() != text:
        raise InputError(f"{place}: {field}: half a surrogate pair in {text!r:.60}; mend the escapes in the row")
    return text
