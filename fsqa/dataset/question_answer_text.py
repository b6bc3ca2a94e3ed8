"""Plain text of questions and answers: ``Question: …`` and below it ``Answer: …``, a blank line between pairs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.jsonl import read_lines
from fsqa.dataset.rows import Row
from fsqa.errors import InputError

QUOTES = {'"': '"', "“": "”", "„": "“”"}
"""What opens a quotation, and what may close it."""

SEVERAL = re.compile(r"""["“„][^"“”„]*\S["“”](?!\w).*(?<!\w)["“„]\S[^"“”„]*["“”]""", re.DOTALL)
"""A text that begins with one quotation and ends with another: *"yes" or "no"*."""


@final
@dataclass(kw_only=True, eq=False)
class QuestionAnswerText(FileDataset):
    """Text files whose pairs are told by how their lines begin; a row has the fields ``question`` and ``answer``.

    Both may go over several lines, which are joined by line breaks. A blank line, or the next question, ends a pair.
    One pair of quotation marks around a question or an answer is taken off.
    """

    question_prefix: str
    answer_prefix: str

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("question_prefix", "answer_prefix"):
            if not getattr(self, name).strip():
                raise InputError(f"dataset.{name} is empty; give what such a line begins with, as in 'Question:'")
        if self.question_prefix == self.answer_prefix:
            raise InputError(f"dataset.answer_prefix is dataset.question_prefix, '{self.answer_prefix}'; change one")

    def rows(self, file: Path) -> Iterator[tuple[int, Row]]:
        """Yield each pair with the number of the line that its question begins on."""
        for number, block in self._blocks(file):
            answers = [at for at, line in enumerate(block) if line.startswith(self.answer_prefix)]
            if len(answers) != 1:
                found = "none" if not answers else f"{len(answers)}, the second on line {number + answers[1]}"
                raise InputError(
                    f"{file}:{number}: wanted one line that begins with '{self.answer_prefix}' for the question, "
                    f"came {found}; mend the pair"
                )
            question, answer = block[: answers[0]], block[answers[0] :]
            yield (
                number,
                {
                    "question": _unquoted("\n".join(question).removeprefix(self.question_prefix)),
                    "answer": _unquoted("\n".join(answer).removeprefix(self.answer_prefix)),
                },
            )

    def _blocks(self, file: Path) -> Iterator[tuple[int, list[str]]]:
        """Yield the lines of each pair, without white space at their ends, and the number of the first."""
        first, block = 0, list[str]()
        for number, text in read_lines(file):
            line = text.strip()
            if block and (not line or line.startswith(self.question_prefix)):
                yield first, block
                block = []
            if line and not block:
                first = number
                if not line.startswith(self.question_prefix):
                    raise InputError(
                        f"{file}:{number}: wanted a line that begins with '{self.question_prefix}', came '{line:.40}'; "
                        "a pair has no blank line in it"
                    )
            if line:
                block.append(line)
        if block:
            yield first, block


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[-1] in QUOTES.get(text[0], "") and not SEVERAL.fullmatch(text):
        return text[1:-1]
    return text
