"""MS MARCO and its like: queries to a search engine, each with the passages that were found for it (Bajaj et al. 2016).

A query can teach two things: to write what answers it, from the passages that were selected by hand; and to put
passages in order, where all of them count, each with its grade.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.jsonl import read_objects
from fsqa.dataset.rows import Row, among, kind_of, objects, text
from fsqa.errors import InputError
from fsqa.types import Record, Split

NO_ANSWER = "No Answer Present."
"""What the data says instead of an answer; a record has no answer then."""


@final
@dataclass(kw_only=True, eq=False)
class MsMarco(FileDataset):
    """JSON lines with a query, its answers and its passages, in the layout that MS MARCO has on the hub.

    ``passages`` is a list of objects, or an object of lists, with ``passage_text`` and ``is_selected``, or with grades
    in ``relevance``, which go before; a passage without a grade was not judged and has 0. For training a record is a
    *selected* passage: query, answers, and the passage as its context. Elsewhere it is a query with all its passages as
    candidates, in the order of the file, and the first selected one as its context.
    """

    relevant: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.relevant < 1:
            raise InputError(f"dataset.relevant is {self.relevant}; wanted the grade of a selected passage, 1 or more")

    def rows(self, file: Path) -> Iterator[tuple[int, Row]]:
        """Yield each query with its line number."""
        return read_objects(file)

    def _eligible(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Make a record of every selected passage of the training queries."""
        for record in super()._eligible(split, dropped):
            if split != "train":
                yield record
                continue
            if not record.context:
                dropped["no selected passage"] += 1
            for number, (passage, grade) in enumerate(zip(record.candidates, record.relevance, strict=True), 1):
                if grade >= self.relevant:
                    yield replace(record, id=f"{record.id}#{number}", context=passage, candidates=(), relevance=())

    def _record(self, place: str, number: str, row: Row) -> Record:
        record = super()._record(place, number, row)
        if "passages" not in row:
            raise InputError(f"{place}: no field 'passages' among {among(row)}; mend the row")
        passages = objects(f"{place}: passages", row["passages"])
        if not passages:
            raise InputError(f"{place}: passages: the list is empty; give the passages or remove the row")
        told = [self._passage(f"{place}: passages[{i}]", passage) for i, passage in enumerate(passages)]
        return replace(
            record,
            kind=record.kind.lower(),  # in capitals since version 2.1
            context=next((passage for passage, grade in told if grade >= self.relevant), ""),
            candidates=tuple(passage for passage, _ in told),
            relevance=tuple(grade for _, grade in told),
        )

    def _answers(self, place: str, row: Row) -> tuple[str, ...]:
        """Return what answers the query, if anything does."""
        if not self.fields.get("answers"):
            return ()
        value = self._value(place, row, "answers")
        if not isinstance(value, list):
            raise InputError(f"{place}: answers: wanted a list of texts, came {kind_of(value)}; mend the row")
        answers = (text(place, "answers", answer) for answer in value if answer != "")
        return tuple(dict.fromkeys(answer for answer in answers if answer != NO_ANSWER))

    def _passage(self, place: str, passage: Row) -> tuple[str, int]:
        for names in (("passage_text",), ("relevance", "is_selected")):
            if not set(names) & set(passage):
                raise InputError(f"{place}: no field '{names[-1]}' among {among(passage)}; mend the row")
        name = "relevance" if "relevance" in passage else "is_selected"
        grade = passage[name]
        if grade is None and name == "relevance":
            grade = 0
        if not isinstance(grade, int) or grade < 0:
            raise InputError(f"{place}: {name}: wanted a whole number from 0 on, came {grade!r:.40}; mend the row")
        return text(place, "passage_text", passage["passage_text"]), int(grade)
