"""Disfl-QA: questions as people stumble through them, to be said again as they were meant (Gupta et al. 2021)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.json_file import read_rows
from fsqa.dataset.rows import Row, among
from fsqa.errors import InputError

FORMS = (("disfluent", "original"), ("input_disfluent", "output_original"), ("input", "target"))
"""What the disfluent and the original question are called, in each of the forms that are about."""


@final
@dataclass(kw_only=True, eq=False)
class DisflQa(FileDataset):
    """Disfl-QA's own files ``{id: {original, disfluent}}``, and two others that the same pairs are passed on in.

    These are a list of ``{input_disfluent, output_original}``, and JSON lines ``{id, split, input, target}``. Rows of
    all of them have the fields ``id``, ``split``, ``disfluent`` and ``original``.
    """

    def rows(self, file: Path) -> Iterator[tuple[int | str, Row]]:
        """Yield each pair with its line, or its path in the file."""
        for place, row in read_rows(file):
            names = next((form for form in FORMS if set(form) <= set(row)), None)
            if names is None:
                wanted = ", or ".join(f"'{disfluent}' and '{original}'" for disfluent, original in FORMS)
                raise InputError(f"{file}:{place}: wanted the fields {wanted}, came {among(row)}; mend the row")
            disfluent, original = (row[name] for name in names)
            pair = {"disfluent": disfluent, "original": original}
            yield place, {"id": row.get("id"), "split": row.get("split"), **pair}
