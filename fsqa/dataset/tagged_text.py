"""Plain text whose tags tell question and answer apart: ``question <QUESTION>`` and below it ``answer <END>``."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.jsonl import read_lines
from fsqa.dataset.rows import Row
from fsqa.errors import InputError


@final
@dataclass(kw_only=True, eq=False)
class TaggedText(FileDataset):
    """Text files of pairs, each closed by a tag; a row has the fields ``question`` and ``answer``, without the tags.

    Blank lines part the pairs; within an answer, which ends at its tag alone, they are part of it.
    """

    question_tag: str
    end_tag: str

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("question_tag", "end_tag"):
            if not getattr(self, name).strip():
                raise InputError(f"dataset.{name} is empty; give the tag that closes it, as in '<END>'")
        if self.question_tag == self.end_tag:
            raise InputError(f"dataset.end_tag is dataset.question_tag, '{self.end_tag}'; change one")

    def rows(self, file: Path) -> Iterator[tuple[int, Row]]:
        """Yield each pair with the number of the line that it begins on."""
        first, pair = 0, ""
        for number, line in read_lines(file):
            if not pair.strip():
                first, pair = number, ""
            pair += line
            if self.end_tag in line:
                yield first, self._row(f"{file}:{first}", pair)
                pair = ""
            elif pair.strip() and not line.strip() and self.question_tag not in pair:
                raise self._no_question(f"{file}:{first}")
        if pair.strip():
            self._row(f"{file}:{first}", pair)

    def _row(self, place: str, pair: str) -> Row:
        question, tag, rest = pair.partition(self.question_tag)
        if not tag:
            raise self._no_question(place)
        answer, tag, after = rest.partition(self.end_tag)
        if self.question_tag in answer or not tag:
            raise InputError(f"{place}: no '{self.end_tag}' closes the answer; write it after the answer's last word")
        if after.strip():
            raise InputError(f"{place}: '{after.strip():.40}' stands behind '{self.end_tag}'; begin a line with it")
        return {"question": question.strip(), "answer": answer.strip()}

    def _no_question(self, place: str) -> InputError:
        return InputError(f"{place}: no '{self.question_tag}' closes the question; write it after the question")
