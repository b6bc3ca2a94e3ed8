"""The top-level keys of a run: the ones that are no group."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fsqa.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SweepSettings:
    """How the runs of a sweep go beside each other; a single run takes no notice."""

    keep_going: bool = True
    """Whether the others go on when a run fails."""
    max_failures: int | None = None
    """After more failures than these no further run begins; None: whatever fails."""
    jobs_per_gpu: int = 1
    trial: int | None = None
    """The trial of a search that this run belongs to."""

    def __post_init__(self) -> None:
        if self.max_failures is not None and self.max_failures < 0:
            raise InputError(f"sweep.max_failures: wanted 0 or more, or null for no limit, got {self.max_failures}")
        if self.jobs_per_gpu < 1:
            raise InputError(f"sweep.jobs_per_gpu: wanted 1 or more, got {self.jobs_per_gpu}")

    @property
    def tolerated(self) -> int | None:
        """How many failures do not yet end the sweep; None: any number."""
        return self.max_failures if self.keep_going else 0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run is called, where it goes, and how much of what it sees at once."""

    study: str
    seed: int
    outputs: str
    batch_size: int
    micro_batch_size: int
    max_length: int
    test_questions: str | None
    rehearse: bool
    allow: list[str]
    sweep: dict[str, Any]

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w][\w.\-]*", self.study):
            raise InputError(
                f"study: wanted a folder name of letters, digits, '.', '_' and '-', got '{self.study}'; "
                "set study=my_study"
            )
        if not self.outputs.strip():
            raise InputError("outputs: wanted a folder, got an empty name; set outputs=outputs")
        if self.test_questions is not None and not self.test_questions.strip():
            raise InputError(
                "test_questions: wanted a file of JSON lines, or null for the dataset's own test, got an empty name"
            )
        for name in ("batch_size", "micro_batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: wanted 1 or more, got {getattr(self, name)}")
        if self.batch_size % self.micro_batch_size:
            raise InputError(
                f"batch_size={self.batch_size} is not a multiple of micro_batch_size={self.micro_batch_size}; "
                "choose a micro_batch_size that divides it"
            )
        if self.max_length < 3:
            raise InputError(f"max_length: wanted 3 tokens or more (question, answer, end), got {self.max_length}")
        if self.seed < 0:
            raise InputError(f"seed: wanted 0 or more, got {self.seed}")
