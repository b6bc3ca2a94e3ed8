"""The tokenised rows of a split: ids and roles in flat files mapped into memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsqa.data.ragged import Ragged, RaggedWriter
from fsqa.data.records import CHUNK, Records
from fsqa.encode.base import Encoder, row_name
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
    ids, roles = RaggedWriter(folder, "ids"), RaggedWriter(folder, "roles")
    rows, tokens, answers, role_tokens, done = 0, 0, 0, np.zeros(NUM_ROLES, np.int64), 0
    remaining = iter(records)
    with (folder / "target_counts.bin").open("wb") as counts, (folder / "records.bin").open("wb") as of_records:
        while chunk := list(islice(remaining, CHUNK)):
            for example in encoder.examples([layout(r) for r in chunk], [row_name(r) for r in chunk]):
                ids.append(example.ids)
                roles.append(example.roles)
                # The first token is never a target.
                of_row = np.bincount(example.roles[1:], minlength=NUM_ROLES).astype(np.int32)
                counts.write(of_row.tobytes())
                of_records.write(np.int64(done + example.record).tobytes())
                role_tokens += np.bincount(example.roles, minlength=NUM_ROLES)
                rows += example.truncated > 0
                tokens += example.truncated
                answers += example.answer_cut > 0
            done += len(chunk)
            advance(len(chunk))
    ids.close()
    roles.close()
    summary = {
        "truncated_rows": int(rows),
        "truncated_tokens": int(tokens),
        "cut_answers": int(answers),
        "tokens": dict(zip(ROLE_NAMES, role_tokens.tolist(), strict=False)),
    }
    (folder / "examples.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")


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
