"""A dataset of records that a test has made."""

from dataclasses import dataclass, field

from fsqa.dataset.base import Dataset
from fsqa.types import Record


@dataclass(frozen=True)
class InMemory(Dataset):
    train: tuple[Record, ...] = ()
    validation: tuple[Record, ...] = ()
    test: tuple[Record, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)

    def records(self, split, dropped):
        dropped.update(self.left_out)
        yield from getattr(self, split)

    def fingerprint(self):
        return str(hash((self.train, self.validation, self.test)))


def asked(*questions, answers=("yes",), **others):
    return tuple(Record(f"row-{number}", question, answers, **others) for number, question in enumerate(questions))
