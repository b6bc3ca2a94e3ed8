"""AmbigQA: questions that may mean several things, with the answers to each of them (Min et al. 2020)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from fsqa.dataset.files import NO_ANSWER, FileDataset
from fsqa.dataset.json_file import read_rows
from fsqa.dataset.rows import EmptyError, Row, among, objects, texts
from fsqa.errors import InputError


@final
@dataclass(kw_only=True, eq=False)
class AmbigQa(FileDataset):
    """AmbigQA's JSON, as one list or as lines, or its rows on the hub; every answer to any reading counts as right."""

    def rows(self, file: Path) -> Iterator[tuple[int | str, Row]]:
        """Yield each question with its line, or its path in the file."""
        return read_rows(file)

    def _answers(self, place: str, row: Row) -> tuple[str, ...]:
        """Return the answers of all annotations, in their order."""
        annotations = objects(f"{place}: annotations", self._value(place, row, "answers"))
        found = [
            answer
            for number, annotation in enumerate(annotations)
            for answer in _annotated(f"{place}: annotations[{number}]", annotation)
        ]
        if not found:
            raise EmptyError(f"{place}: annotations: there is no answer; give one or remove the row", NO_ANSWER)
        return tuple(dict.fromkeys(found))


def _annotated(place: str, annotation: Row) -> Iterator[str]:
    """Yield the answers of one annotation: those of a plain question, or of each of its readings."""
    kind = annotation.get("type")
    if kind == "singleAnswer":
        yield from texts(place, "answer", _named(place, annotation, "answer"))
    elif kind == "multipleQAs":
        for number, pair in enumerate(objects(f"{place}.qaPairs", _named(place, annotation, "qaPairs"))):
            at = f"{place}.qaPairs[{number}]"
            yield from texts(at, "answer", _named(at, pair, "answer"))
    else:
        raise InputError(f"{place}: type: wanted 'singleAnswer' or 'multipleQAs', came {kind!r:.40}; mend the row")


def _named(place: str, holder: Row, name: str) -> Any:
    if name not in holder:
        raise InputError(f"{place}: no field '{name}' among {among(holder)}; mend the row")
    return holder[name]
