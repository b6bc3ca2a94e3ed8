"""SQuAD: questions about a paragraph, whose answer is a span of it, or which have none."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.holdout import Mask
from fsqa.dataset.json_file import read_json
from fsqa.dataset.rows import KINDS, EmptyError, Row, among, kind_of
from fsqa.errors import InputError
from fsqa.types import Record, Split

ANSWERABLE, UNANSWERABLE = "answerable", "unanswerable"
UNKNOWN = -1
"""The start of an answer that does not stand in its paragraph where the file says."""


@final
@dataclass(kw_only=True, eq=False)
class Squad(FileDataset):
    """The official JSON of SQuAD 1.1 and 2.0, or its rows on the hub; an unanswerable question has the answer "".

    Ids, paragraphs and answers are kept to the letter, as the official scorer compares ids and the answer's place is
    counted in characters. A question loses white space at its ends, which some thousand have by mistake.
    """

    whole: Literal["article", "paragraph"]

    def rows(self, file: Path) -> Iterator[tuple[str, Row]]:
        """Yield every question with its paragraph, its article's title, and its path in the file."""
        for i, article in enumerate(_list(f"{file}:", read_json(file), "data")):
            above = f"data[{i}]"
            for j, paragraph in enumerate(_list(f"{file}:{above}", article, "paragraphs")):
                place, title = f"{above}.paragraphs[{j}]", article.get("title")
                context = _field(f"{file}:{place}", paragraph, "context", str)
                for k, question in enumerate(_list(f"{file}:{place}", paragraph, "qas")):
                    own = _field(f"{file}:{place}.qas[{k}]", question, "", dict)
                    yield f"{place}.qas[{k}]", {**own, "title": title, "context": context}

    def _carved(self, wanted: Mapping[Split, float]) -> dict[Split, Mask]:
        """Hold out whole articles or paragraphs, or groups if rows say which they belong to."""
        if self.fields.get("group"):
            return super()._carved(wanted)
        return self._carved_whole(
            (self._whole(place, row) for place, row, _ in self._placed("train", Counter())), wanted
        )

    def _whole(self, place: str, row: Row) -> str:
        key = self._value(place, row, "context") if self.whole == "paragraph" else row.get("title")
        if not isinstance(key, str) or not key:
            raise InputError(f"{place}: no title; set dataset.whole=paragraph")
        return key

    def _eligible(self, split: Split, dropped: Counter[str]) -> Iterator[Record]:
        """Leave out, beside what the options leave out, answers whose place in the paragraph is not known."""
        for record in super()._eligible(split, dropped):
            if record.answer_starts[:1] == (UNKNOWN,):
                dropped["the answer does not stand at its answer_start"] += 1
            else:
                yield record

    def _record(self, place: str, number: str, row: Row) -> Record:
        """Return the row as a record, its first answer one that stands where the file says, if any does."""
        question = _text(place, "question", self._value(place, row, "question")).strip()
        if not question:
            message = f"{place}.question: the text is empty; fill it in or remove the question"
            raise EmptyError(message, "the question is empty")
        context = _text(place, "context", self._value(place, row, "context"))
        answers = _answers(place, self._value(place, row, "answers"))
        if answers and row.get("is_impossible") is True:
            raise InputError(f"{place}: is_impossible is true and there are answers; remove one or the other")
        starts: dict[str, int] = {}
        for text, start in answers:
            stands = start >= 0 and context.startswith(text, start)
            if starts.get(text, UNKNOWN) == UNKNOWN:
                starts[text] = start if stands else UNKNOWN
        texts = sorted(starts, key=lambda text: starts[text] == UNKNOWN)
        identity = row.get(self.fields.get("id") or "")
        return Record(
            id=number if identity in (None, "") else _text(place, "id", identity),
            question=question,
            answers=tuple(texts) or ("",),
            context=context,
            kind=ANSWERABLE if texts else UNANSWERABLE,
            answer_starts=tuple(starts[text] for text in texts),
        )


def _answers(place: str, value: object) -> list[tuple[str, int]]:
    """Read ``[{text, answer_start}, ...]`` as in the files, or ``{text: [...], answer_start: [...]}`` as on the hub."""
    if isinstance(value, dict):
        texts, starts = _list(place, value, "text"), _list(place, value, "answer_start")
        if len(texts) != len(starts):
            raise InputError(
                f"{place}.answers: wanted an answer_start for every text, came {len(starts)} for {len(texts)}; "
                "mend the question"
            )
        value = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    if not isinstance(value, list):
        raise InputError(f"{place}.answers: wanted a list of answers, came {kind_of(value)}; mend the question")
    pairs = []
    for i, answer in enumerate(value):
        where = f"{place}.answers[{i}]"
        text = _field(where, _field(where, answer, "", dict), "text", str)
        if not text:
            raise InputError(f"{where}.text: the text is empty; an unanswerable question has no answers at all")
        pairs.append((_text(where, "text", text), _field(where, answer, "answer_start", int)))
    return pairs


def _list(place: str, holder: object, name: str) -> list[Any]:
    found: list[Any] = _field(place, holder, name, list)
    return found


def _field(place: str, holder: Any, name: str, kind: type) -> Any:
    """Return a named value of a JSON object (or the object itself without a name), of the kind it has to have."""
    if not name:
        found, where = holder, place
    elif not isinstance(holder, dict):
        raise InputError(f"{place.rstrip(':')}: wanted an object, came {kind_of(holder)}; is this SQuAD's JSON?")
    elif name not in holder:
        raise InputError(f"{place.rstrip(':')}: no field '{name}' among {among(holder)}; is this SQuAD's JSON?")
    else:
        found, where = holder[name], f"{place}{name}" if place.endswith(":") else f"{place}.{name}"
    if not isinstance(found, kind) or isinstance(found, bool):
        raise InputError(f"{where}: wanted {KINDS[kind]}, came {kind_of(found)}; is this SQuAD's JSON?")
    return found


def _text(place: str, field: str, value: object) -> str:
    """Check that a value is a text that can be tokenised and written; it stays as it is."""
    if not isinstance(value, str):
        raise InputError(f"{place}.{field}: wanted a text, came {kind_of(value)}; mend the question")
    if not value.isascii() and value.encode(errors="ignore").decode() != value:
        raise InputError(f"{place}.{field}: half a surrogate pair in {value!r:.60}; mend the escapes")
    return value
