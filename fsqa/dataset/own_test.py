"""A person's own questions as the test of any run, whatever dataset it is trained on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import final

from fsqa.dataset.base import Dataset
from fsqa.dataset.content import content_hash
from fsqa.dataset.rows import JSON, Row, among, kind_of, text
from fsqa.errors import InputError, did_you_mean
from fsqa.types import Record, Split

REPLACED = "the dataset's own, whose place test_questions takes"
"""Why the questions are left out that would have been the test."""


@final
@dataclass(frozen=True, kw_only=True)
class WithTest(Dataset):
    """A dataset whose test split is a file of somebody's own questions; it trains and validates as before.

    What the dataset itself holds as its test is neither trained on nor asked, and counted as left out.
    """

    questions: Dataset
    file: str
    """JSON lines, as :func:`read_questions` takes them."""

    def records(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Yield the dataset's own records, and for the test those of the file."""
        if split != "test":
            yield from self.questions.records(split, dropped)
            return
        if replaced := sum(1 for _ in self.questions.records("test", Counter())):
            dropped[REPLACED] += replaced
        yield from read_questions(self.file)

    def fingerprint(self) -> str:
        """Return a hash of the dataset's fingerprint and of the file's."""
        parts = [type(self).__name__, self.questions.fingerprint(), file_fingerprint(self.file)]
        return sha256(json.dumps(parts).encode()).hexdigest()


def file_fingerprint(file: str) -> str:
    """Return a hash of a file's name, from which rows without an id are called, and its content."""
    path = Path(file).expanduser()
    if not path.is_file():
        names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"test_questions: there is no file {path.absolute()}{did_you_mean(path.name, names)}")
    return sha256(f"{path.name} {content_hash(path)}".encode()).hexdigest()


def read_questions(file: str | Path) -> Iterator[Record]:
    """Yield the questions of a file of JSON lines, ``.gz`` or not.

    A line is ``{"question": "...", "answer": "..."}``; the answer may be a list of all that is right, of which the
    first is scored token by token, and may be called ``answers``. Optional are ``id``, ``context``, ``kind``,
    ``patterns``, ``candidates`` with ``relevance``, and ``answer_starts``, as in :class:`~fsqa.types.Record`; an answer
    that stands in its context once need not say where. The empty answer says that the context holds none. Raises
    InputError, with the line, for anything else.
    """
    from fsqa.dataset.jsonl import read_lines  # late: numpy comes with it, and a finished run needs neither

    path = Path(file).expanduser()
    seen: dict[str, int] = {}
    for number, line in read_lines(path):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        record = _record(place, f"{path.name.removesuffix('.gz').removesuffix('.jsonl')}:{number}", _row(place, line))
        if first := seen.get(record.id):
            raise InputError(f"{place}: the id '{record.id}' stands in line {first} already; make the ids differ")
        seen[record.id] = number
        yield record
    if not seen:
        raise InputError(f"{path} has no questions; wanted one JSON object a line, with question and answer")


def _row(place: str, line: str) -> Row:
    try:
        row = JSON.decode(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: broken JSON ({error}); wanted one JSON object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: wanted one JSON object a line, came {kind_of(row)}")
    return row


def _record(place: str, number: str, row: Row) -> Record:
    """Return a row as a record; ``number`` is its id when the row has none."""
    if "question" not in row:
        raise InputError(f"{place}: no field 'question' among {among(row)}{did_you_mean('question', row)}")
    identity, kind, context = row.get("id"), row.get("kind"), _context(place, row)
    starts = tuple(_number(place, "answer_starts", start) for start in _list(place, row, "answer_starts"))
    answers = _answers(place, row, context, stripped=not starts)
    record = Record(
        id=number if identity in (None, "") else text(place, "id", identity, or_number=True),
        question=text(place, "question", row["question"]),
        answers=answers,
        context=context,
        kind="" if kind in (None, "") else text(place, "kind", kind, or_number=True),
        candidates=tuple(text(place, "candidates", passage) for passage in _list(place, row, "candidates")),
        relevance=tuple(_number(place, "relevance", grade) for grade in _list(place, row, "relevance")),
        patterns=tuple(_pattern(place, pattern) for pattern in _list(place, row, "patterns")),
        answer_starts=starts or _found(answers, context),
    )
    for field, beside in (("relevance", "candidates"), ("answer_starts", "answers")):
        held, wanted = len(getattr(record, field)), len(getattr(record, beside))
        if held and held != wanted:
            raise InputError(f"{place}: {field}: wanted one for each of the {wanted} {beside}, came {held}")
    return record


def _context(place: str, row: Row) -> str:
    """Return the context as it stands: answers begin at its characters."""
    value = row.get("context")
    if value in (None, ""):
        return ""
    text(place, "context", value)
    return str(value)


def _answers(place: str, row: Row, context: str, *, stripped: bool) -> tuple[str, ...]:
    named = [name for name in ("answer", "answers") if name in row]
    if len(named) != 1:
        found = "both" if named else f"neither among {among(row)}{did_you_mean('answer', row)}"
        raise InputError(f"{place}: wanted one of 'answer' and 'answers', came {found}")
    value = row[named[0]]
    if context and value in ("", [""]):
        return ("",)
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list):
        raise InputError(f"{place}: {named[0]}: wanted a text or a list of texts, came {kind_of(value)}; mend the row")
    if not given:
        raise InputError(f"{place}: {named[0]}: the list is empty; give an answer or remove the row")
    answers = [text(place, named[0], answer) for answer in given]
    return tuple(answers if stripped else given)


def _found(answers: tuple[str, ...], context: str) -> tuple[int, ...]:
    """Return where each answer begins in its context, if each stands there just once."""
    if not context or any(not answer or context.count(answer) != 1 for answer in answers):
        return ()
    return tuple(context.index(answer) for answer in answers)


def _number(place: str, field: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(f"{place}: {field}: wanted whole numbers from 0, came {value!r:.60}; mend the row")
    return value


def _pattern(place: str, value: object) -> str:
    pattern = text(place, "patterns", value)
    try:
        re.compile(pattern)
    except re.error as error:
        raise InputError(f"{place}: patterns: {pattern!r:.60} is no regular expression ({error}); mend it") from None
    return pattern


def _list(place: str, row: Row, field: str) -> list[object]:
    value = row.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(f"{place}: {field}: wanted a list, came {kind_of(value)}; mend the row")
    return value
