"""CLINC150: what people ask of an assistant, by intent, and what is out of its scope (Larson et al. 2019)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from fsqa.dataset.files import FileDataset
from fsqa.dataset.json_file import read_json
from fsqa.dataset.rows import Row, kind_of
from fsqa.errors import InputError


@final
@dataclass(kw_only=True, eq=False)
class Clinc150(FileDataset):
    """CLINC150's JSON ``{split: [[text, intent], …]}``; rows have the fields ``text``, ``intent`` and ``split``.

    There are no answers: the questions serve as off-topic ones beside a dataset that has some.
    """

    def rows(self, file: Path) -> Iterator[tuple[str, Row]]:
        """Yield each question with its path in the file, such as ``oos_train[3]``."""
        splits = read_json(file)
        if not isinstance(splits, dict):
            raise InputError(f"{file}: wanted an object of splits, came {kind_of(splits)}; is this CLINC150's JSON?")
        for split, pairs in splits.items():
            if not isinstance(pairs, list):
                raise InputError(f"{file}:{split}: wanted a list, came {kind_of(pairs)}; is this CLINC150's JSON?")
            for number, pair in enumerate(pairs):
                place = f"{split}[{number}]"
                if not isinstance(pair, list) or len(pair) != 2:
                    raise InputError(f"{file}:{place}: wanted [text, intent], came {pair!r:.60}; mend the pair")
                yield place, {"text": pair[0], "intent": pair[1], "split": split}
