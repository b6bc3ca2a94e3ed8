"""The tokenised rows of a split: ids and roles in flat files mapped into memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsqa.data.collecting import collecting_only_new
from fsqa.data.ragged import Ragged, RaggedWriter
from fsqa.data.records import CHUNK, Records
from fsqa.encode.base import Encoder, row_name
from fsqa.encode.rows import Rows, rows_of
from fsqa.prompt.base import BoundLayout
from fsqa.types import ROLE_NAMES, Example, Role

NUM_ROLES = len(Role)


def write_examples(
    folder: Path, records: Records, layout: BoundLayout, encoder: Encoder, advance: Callable[[int], None]
) -> None:
    """Encode every record into ``folder``: ids, roles, targets of each role in every row, and each row's record.

    ``advance`` hears how many rows were done at a time.
    """
    folder.mkdir(parents=True)
    cut, tokens, answers, role_tokens, done = 0, 0, 0, np.zeros(NUM_ROLES, np.int64), 0
    remaining = iter(records)
    with (
        collecting_only_new(),
        RaggedWriter(folder, "ids") as ids,
        RaggedWriter(folder, "roles") as roles,
        (folder / "target_counts.bin").open("wb") as counts,
        (folder / "records.bin").open("wb") as of_records,
    ):
        while chunk := list(islice(remaining, CHUNK)):
            rows = rows_of(encoder.examples([layout(r) for r in chunk], [row_name(r) for r in chunk]))
            ids.extend(rows.ids, rows.lengths)
            roles.extend(rows.roles, rows.lengths)
            counts.write(_target_counts(rows).tobytes())
            of_records.write((done + rows.records).tobytes())
            role_tokens += np.bincount(rows.roles, minlength=NUM_ROLES)
            cut += int(np.count_nonzero(rows.truncated))
            tokens += int(rows.truncated.sum())
            answers += int(np.count_nonzero(rows.answers_cut))
            done += len(chunk)
            advance(len(chunk))
    summary = {
        "truncated_rows": cut,
        "truncated_tokens": tokens,
        "cut_answers": answers,
        "tokens": dict(zip(ROLE_NAMES, role_tokens.tolist(), strict=False)),
    }
    (folder / "examples.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")


def _target_counts(rows: Rows) -> NDArray[np.int32]:
    """Count the targets of each role in each row; its first token is never one."""
    cells = np.repeat(np.arange(len(rows)), rows.lengths) * NUM_ROLES + rows.roles
    counts = np.bincount(cells, minlength=len(rows) * NUM_ROLES)
    filled = rows.lengths > 0
    first = (np.cumsum(rows.lengths) - rows.lengths)[filled]
    counts[cells[first]] -= 1
    return counts.astype(np.int32)


class Examples:
    """Read-only tokenised rows of one split."""

    def __init__(self, folder: Path) -> None:
        self.summary: dict[str, Any] = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
        self._ids = Ragged(folder, "ids", np.int32)
        self._roles = Ragged(folder, "roles", np.uint8)
        self.target_counts: NDArray[np.int32] = np.fromfile(folder / "target_counts.bin", np.int32).reshape(
            -1, NUM_ROLES
        )
        """Targets of each role in each row, shape [row, role]."""
        self.records: NDArray[np.int64] = np.fromfile(folder / "records.bin", np.int64)
        """The number of each row's record in the split; several rows may share one."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens in each row."""
        return self._ids.lengths

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, i: int) -> Example:
        return Example(ids=self._ids[i], roles=self._roles[i], truncated=0)
