"""Datasets of tables in text form: comma-separated, tab-separated and the like."""

import ast
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.jsonl import read_lines
from fsqa.dataset.rows import Row, among
from fsqa.errors import InputError, did_you_mean

FORMS = ("text", "json", "separated")


@final
@dataclass(kw_only=True, eq=False)
class Table(FileDataset):
    """Files with one row a question, in named columns.

    ``columns`` names them where the files have no header line. The answers are one text, a list written as JSON (or as
    Python does, like DPR's files), or several texts with a separator between them.
    """

    columns: list[str] | None
    delimiter: str | None
    quoted: bool
    answers_form: Literal["text", "json", "separated"]
    answer_separator: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise InputError(
                f"dataset.delimiter is {self.delimiter!r}; wanted one character, or null to go by the file name"
            )
        if self.answers_form not in FORMS:
            near = did_you_mean(self.answers_form, FORMS)
            raise InputError(f"dataset.answers_form is '{self.answers_form}'; wanted {', '.join(FORMS)}{near}")
        if self.answers_form == "separated" and not self.answer_separator:
            raise InputError("dataset.answer_separator is empty; give the text that stands between answers")

    def rows(self, file: Path) -> Iterator[tuple[int, Row]]:
        """Yield each row with the number of the line it starts on; blank lines are skipped."""
        lines = self._split_lines(file)
        header, columns = (1, self.columns) if self.columns is not None else next(lines, (1, None))
        if columns is None:
            return
        self._check_columns(f"{file}:{header}", columns)
        answers = self.fields.get("answers")
        for number, cells in lines:
            if len(cells) == 1 < len(columns) and not cells[0].strip():
                continue
            if len(cells) != len(columns):
                raise InputError(
                    f"{file}:{number}: wanted {len(columns)} columns ({', '.join(columns)}), came {len(cells)}; "
                    "mend the row, or check dataset.delimiter and dataset.quoted"
                )
            row: dict[str, object] = dict(zip(columns, cells, strict=True))
            if answers:
                row[answers] = self._parse_answers(f"{file}:{number}", cells[columns.index(answers)])
            yield number, row

    def _split_lines(self, file: Path) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(
            (line for _, line in read_lines(file)),
            delimiter=self.delimiter or ("\t" if ".tsv" in file.suffixes else ","),
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            strict=True,
        )
        while True:
            start = reader.line_num + 1  # a quoted cell may go over several lines
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise InputError(
                    f"{file}:{start}: broken row ({error}); mend it, or say dataset.quoted=false if quotes mean nothing"
                ) from None
            if cells is None:
                return
            if cells:
                yield start, cells

    def _check_columns(self, place: str, columns: list[str]) -> None:
        wanted = {field: name for field, name in self.fields.items() if name and field != "id"}
        hint = "; name the columns in dataset.columns if the file has no header line" if self.columns is None else ""
        if len(columns) == 1 < len(set(wanted.values())):
            hint = "; nothing parts its columns: check dataset.delimiter"
        for column in columns:
            if columns.count(column) > 1:
                raise InputError(f"{place}: the column '{column}' stands twice; give each column its own name")
        for field, name in wanted.items():
            if name not in columns:
                raise InputError(
                    f"{place}: no column '{name}' (dataset.fields.{field}) among {among(columns)}"
                    f"{did_you_mean(name, columns)}{hint}"
                )

    def _parse_answers(self, place: str, cell: str) -> list[object]:
        if self.answers_form == "text":
            return [cell]
        if self.answers_form == "separated":
            return [part for part in cell.split(self.answer_separator) if part.strip()]
        try:
            answers = json.loads(cell)
        except (ValueError, RecursionError):
            try:
                answers = ast.literal_eval(cell.strip())
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                answers = None
        if not isinstance(answers, list):
            raise InputError(
                f'{place}: answers: wanted a list such as ["a", "b"], came \'{cell[:60]}\'; mend the cell, '
                "or check dataset.answers_form"
            )
        return answers
