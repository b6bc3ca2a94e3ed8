"""Datasets read from files: which rows belong to which split, and what becomes of each of them."""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b, sha256
from typing import Literal, final

import numpy as np

from fsqa.dataset.content import content_hash
from fsqa.dataset.file_rows import FileRows
from fsqa.dataset.holdout import Draw, Mask, carve, carve_whole
from fsqa.dataset.rows import EmptyError, Row, lines, text, texts
from fsqa.dataset.sources import known
from fsqa.dataset.spool import Spool
from fsqa.errors import InputError
from fsqa.types import REFUSAL, SPLITS, Record, Split

POLICIES = ("single", "first", "all")
EMPTY_POLICIES = ("refuse", "drop")
NO_ANSWER = "no answer"


@dataclass(kw_only=True, eq=False)
class FileDataset(FileRows):
    """Questions read from local files or, when no path is given, from the Hugging Face hub; a row is a question.

    Public attributes are exactly the options, and all of them but ``path`` enter the fingerprint. Texts are kept as
    they stand in the file, but for white space at both ends; repeated answers of a row count once. The files are taken
    to stay as they are while the object lives.
    """

    empty: Literal["refuse", "drop"]
    refusal: str | None
    answers: Literal["single", "first", "all"]
    shortest_answer: int
    holdout: dict[str, float]
    holdout_seed: int
    limit: dict[str, int | None]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.holdout = known("holdout", self.holdout, ("validation", "test"))
        self.limit = known("limit", self.limit, SPLITS)
        for option, value, choices in (("answers", self.answers, POLICIES), ("empty", self.empty, EMPTY_POLICIES)):
            if value not in choices:
                raise InputError(f"dataset.{option} is '{value}'; wanted {', '.join(choices)}")
        if self.refusal is not None and not self.refusal.strip():
            raise InputError("dataset.refusal is empty; give the reply that refuses a question, or null")
        for split, part in self.holdout.items():
            if part < 0 or part != part or (part >= 1 and part != int(part)):
                raise InputError(f"dataset.holdout.{split} is {part}; wanted a share below 1 or a whole number of rows")
        for split, most in self.limit.items():
            if most is not None and most < 1:
                raise InputError(f"dataset.limit.{split} is {most}; wanted at least 1, or null for every record")

    @final
    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's records in the order of the files; count every row left out by its reason."""
        limit = self.limit.get(split)
        if limit is None:
            yield from self._eligible(split, dropped)
            return
        draw = Draw(seed=self.holdout_seed, purpose="limit")
        for record in self._eligible(split, Counter()):
            draw.add(record.kind, record.question, record.context, *record.answers[:1])
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
                content = content_hash(source) if self.path else self._hub.content_hash(source.name)
                digest.update(f"\n{split} {source.name} {content}".encode())
        return digest.hexdigest()

    def _eligible(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the split's records that the answer options keep."""
        several = self.answers == "all" and split == "train"
        for record in self._questions(split, dropped):
            answers, starts = record.answers, record.answer_starts
            if self.answers == "single" and len(answers) > 1:
                dropped["more than one answer"] += 1
                continue
            if not answers and not self.shortest_answer:
                yield record
            elif not answers:
                dropped[NO_ANSWER] += 1
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

    def _questions(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield a record for each row of the split, be it a split of its own or a part of the training rows."""
        if split != "train" and split in self._filled:
            yield from self._read(split, dropped)
        elif (parts := self._parts) is None:
            yield from self._read("train", dropped) if split == "train" else ()
        else:
            # A row that makes no record belongs to no part; it is counted once, with the training rows.
            whole = self._read("train", dropped if split == "train" else Counter())
            for mine, record in zip(parts[split], whole, strict=True):
                if mine:
                    yield record

    @cached_property
    def _parts(self) -> dict[Split, Mask] | None:
        """Which training rows each split takes, or nothing when every split has rows or no holdout."""
        carved: tuple[Split, ...] = ("validation", "test")
        wanted = {split: part for split in carved if (part := self.holdout.get(split)) and split not in self._filled}
        return self._carved(wanted) if wanted else None

    def _carved(self, wanted: Mapping[Split, float]) -> dict[Split, Mask]:
        """Return which training rows each split takes when the ``wanted`` parts are held out of them."""
        # Rows are held out before any is dropped for its answers, so that one row never changes sides between two
        # answer policies: a model trained under one may be scored on the validation rows of another.
        if self.fields.get("group"):
            placed = self._placed("train", Counter())
            return self._carved_whole(
                (text(at, "group", self._value(at, row, "group"), or_number=True) for at, row, _ in placed), wanted
            )
        draw = Draw(seed=self.holdout_seed, purpose="holdout")
        for record in self._read("train", Counter()):
            draw.add(record.kind, record.question, record.context)
        return carve(draw, wanted)

    def _carved_whole(self, groups: Iterable[str], wanted: Mapping[Split, float]) -> dict[Split, Mask]:
        """Hold out whole groups of rows, in a seeded order that depends on what they are called alone."""
        numbers: dict[bytes, int] = {}
        of_rows = array("q")
        for group in groups:
            digest = blake2b(f"{self.holdout_seed}:{group}".encode(), digest_size=8).digest()
            of_rows.append(numbers.setdefault(digest, len(numbers)))
        return carve_whole(np.array(of_rows, np.int64), [numbers[digest] for digest in sorted(numbers)], wanted)

    def _read(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield a record for each of the split's own rows; two with one id are an error."""
        spool = self._spools.setdefault(split, Spool())
        if spool.whole:
            return spool.records(dropped)
        if not self._is_read_again(split):
            return self._parsed(split, dropped)
        found = Counter[str]()  # what the reading leaves out, apart from what others count in the same place
        return spool.keeping(self._parsed(split, found), found, dropped)

    @cached_property
    def _spools(self) -> dict[Split, Spool]:
        return {}

    def _is_read_again(self, split: Split) -> bool:
        """Say whether the records of a split are gone through more than once."""
        return bool(self.limit.get(split)) or (split == "train" and any(self.holdout.values()))

    def _parsed(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        seen: set[int] = set()
        refusals = 0
        for place, _, record in self._placed(split, dropped):
            if (key := hash(record.id)) in seen:
                self._refuse_duplicate(split, record.id, place)
            seen.add(key)
            refusals += record.kind == REFUSAL
            yield record
        if self.refusal and split == "train" and not refusals:
            raise InputError(
                f"dataset.refusal: no training row has the answer '{self.refusal:.60}'; copy it from the data"
            )

    def _refuse_duplicate(self, split: Split, identity: str, place: str) -> None:
        # Only hashes are kept, so the first place is found by reading again; two ids may also share a hash by chance.
        first = next(first for first, _, record in self._placed(split, Counter()) if record.id == identity)
        if first != place:
            raise InputError(
                f"{place}: the id '{identity}' stands at {first} already; make the ids differ, or number the rows "
                "with dataset.fields.id=null"
            )

    def _placed(self, split: Split, dropped: Counter[str]) -> Iterator[tuple[str, Row, Record]]:
        """Yield every row that makes a record of the split, with its place before it and the record after it."""
        for place, number, row in self._split_rows(split, dropped):
            try:
                record = self._record(place, number, row)
            except EmptyError as error:
                if self.empty == "refuse":
                    raise
                dropped[error.reason] += 1
                continue
            refused = self.refusal and _folded(self.refusal) == _folded(*record.answers[:1])
            yield place, row, replace(record, kind=REFUSAL) if refused else record

    def _record(self, place: str, number: str, row: Row) -> Record:
        """Return the row as a record; ``number`` is its id when the row has none."""
        named = self.fields.get("id")
        identity = row.get(named) if named else None
        kind = self._value(place, row, "kind")
        return Record(
            id=number if identity in (None, "") else text(place, "id", identity, or_number=True),
            question=text(place, "question", self._value(place, row, "question")),
            answers=self._answers(place, row),
            context=lines(place, "context", self._value(place, row, "context")),
            kind="" if kind in (None, "") else text(place, "kind", kind, or_number=True),
        )

    def _answers(self, place: str, row: Row) -> tuple[str, ...]:
        """Return the answers of a row; none at all where no field holds them."""
        if not self.fields.get("answers"):
            return ()
        answers = texts(place, "answers", self._value(place, row, "answers"))
        if not answers:
            raise EmptyError(f"{place}: answers: the list is empty; give an answer or remove the row", NO_ANSWER)
        return answers


def _folded(reply: str = "") -> str:
    return " ".join(reply.casefold().split())
