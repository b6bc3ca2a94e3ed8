"""Where a dataset's rows come from: files in a folder, each of a split, or the splits of a dataset on the hub."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast, final

from fsqa.errors import InputError, did_you_mean
from fsqa.types import SPLITS, Split

Value = TypeVar("Value")


def find(path: Path, patterns: Mapping[str, str | None]) -> dict[Split, list[Path]]:
    """Return the files of each split: all rows of a single file are for training, a folder's files go by name."""
    found: dict[Split, list[Path]] = {split: [] for split in SPLITS}
    if path.is_file():
        found["train"].append(path)
        return found
    if not path.is_dir():
        near = did_you_mean(path.name, (entry.name for entry in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise InputError(f"dataset.path: there is no file or folder {path.absolute()}{near}")
    names = sorted(entry.name for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
    globs = {split: (patterns.get(split) or "").split("|") for split in SPLITS}
    stems: dict[str, str] = {}
    for name in names:
        splits = [split for split in SPLITS if any(fnmatchcase(name, glob) for glob in globs[split])]
        if len(splits) > 1:
            raise InputError(
                f"{path / name} matches dataset.files.{splits[0]} and dataset.files.{splits[1]}; narrow the patterns"
            )
        for split in splits:
            if (other := stems.setdefault(stem_of(Path(name)), name)) != name:
                raise InputError(f"{path / name} and {other} have one name and would share ids; keep one of them")
            found[split].append(path / name)
    if not found["train"]:
        holds = f"holds {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else "is empty"
        raise InputError(
            f"dataset.files.train: no file in {path.absolute()} matches '{patterns.get('train')}'; the folder {holds}"
        )
    return found


def stem_of(file: Path) -> str:
    """Call a file by its name, the same whether it is packed or not."""
    return Path(file.name.removesuffix(".gz")).stem


def known(option: str, given: Mapping[str, Value], names: tuple[str, ...]) -> dict[str, Value]:
    """Return a copy of an option's values by name; a name that it does not have is an InputError."""
    for key in given:
        if key not in names:
            near = did_you_mean(key, names)
            raise InputError(f"dataset.{option} has no key '{key}'; wanted {', '.join(names)}{near}")
    return dict(given)


@final
@dataclass(frozen=True)
class Hub:
    """A dataset on the Hugging Face hub, one of its configurations; nothing is loaded before a row is wanted."""

    name: str
    config: str | None

    def rows(self, split: str) -> Iterator[dict[str, object]]:
        """Yield the rows of a split by the hub's name for it."""
        for batch in self._batches(split):
            for row in zip(*batch.values(), strict=True):
                yield dict(zip(batch, row, strict=True))

    def content_hash(self, split: str) -> str:
        """Return the SHA-256 of a split's rows."""
        digest = sha256()
        for batch in self._batches(split):
            digest.update(json.dumps(batch, sort_keys=True, default=str).encode())
        return digest.hexdigest()

    def _batches(self, split: str) -> Iterator[dict[str, list[object]]]:
        if split not in (there := self._splits):
            near = did_you_mean(split, there)
            raise InputError(f"dataset.hub_splits: '{self.name}' has no split '{split}' but {', '.join(there)}{near}")
        return cast("Iterator[dict[str, list[object]]]", there[split].iter(batch_size=1000))

    @cached_property
    def _splits(self) -> Mapping[str, Any]:
        import datasets  # imported here because it takes a second, and files need none of it

        try:
            return cast("Mapping[str, Any]", datasets.load_dataset(self.name, self.config))
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise InputError(
                f"dataset.hub: '{self.name}' cannot be loaded ({reason}); without a network give "
                "dataset.path=<a file or a folder>"
            ) from error
