"""CuratedTREC: questions whose answers are regular expressions (Baudiš and Šedivý 2015)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.jsonl import read_objects
from fsqa.dataset.rows import Row
from fsqa.errors import InputError
from fsqa.types import Record, Split

ESCAPED = re.compile(r"\\([^\w\s])")
OPERATORS = re.compile(r"[\\|?*+()\[\]{}^$]")
"""What makes more of a pattern than the text it shows. A full stop is not among them: it matches itself."""


@final
@dataclass(kw_only=True, eq=False)
class CuratedTrec(FileDataset):
    r"""JSON lines whose answers are patterns; an answer is right in which one is found, whatever its case.

    A pattern that is no more than a text, such as ``3\.14``, is that text as an answer, and can be trained on. Training
    questions with other patterns are left out, since nobody would say ``Sept?(ember)?``.
    """

    def rows(self, file: Path) -> Iterator[tuple[int, Row]]:
        """Yield each question with its line number."""
        return read_objects(file)

    def _eligible(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Leave out, beside what the options leave out, training questions without an answer in words."""
        for record in super()._eligible(split, dropped):
            learned = record.answers[0] if split == "train" and record.answers else ""
            if learned in record.patterns and not _is_text(learned):
                dropped["the answer is a pattern"] += 1
            else:
                yield record

    def _record(self, place: str, number: str, row: Row) -> Record:
        record = super()._record(place, number, row)
        for pattern in record.answers:
            try:
                re.compile(pattern, re.IGNORECASE)
            except re.error as error:
                raise InputError(
                    f"{place}: answers: '{pattern:.60}' is no regular expression ({error}); mend the pattern"
                ) from None
        words = (ESCAPED.sub(r"\1", pattern) if _is_text(pattern) else pattern for pattern in record.answers)
        return replace(record, answers=tuple(words), patterns=record.answers)


def _is_text(pattern: str) -> bool:
    return not OPERATORS.search(ESCAPED.sub("", pattern))
