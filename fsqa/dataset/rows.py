"""What a row of a file holds: its values, checked, with errors that say where they stand."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fsqa.errors import InputError

Row = Mapping[str, object]

KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice:.60}' stands twice in one object, and only one of them would be read")
    return held


JSON = json.JSONDecoder(object_pairs_hook=_unique)
"""Reads JSON; a name that stands twice in one object is a ValueError, where Python would keep the last in silence."""


class EmptyError(InputError):
    """A row has nothing to ask, or nothing to answer."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def text(place: str, field: str, value: object, *, or_number: bool = False) -> str:
    """Return a value as a text without the white space at its ends.

    Raises InputError for anything else, and for what can be neither tokenised nor written; EmptyError for an empty one.
    """
    if type(value) is str and (stripped := value.strip()) and stripped.isascii():  # what nearly every value is
        return stripped
    if or_number and isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        raise InputError(f"{place}: {field}: wanted a text, came {type(value).__name__} {value!r:.60}; mend the row")
    stripped = value.strip()
    if not stripped:
        name = field.removesuffix("s")
        raise EmptyError(f"{place}: {field}: the text is empty; fill it in or remove the row", f"the {name} is empty")
    check_letters(place, field, stripped)
    return stripped


def check_letters(place: str, field: str, value: str) -> None:
    """Raise InputError for half of a surrogate pair: JSON escapes let it pass, tokenizers and files do not."""
    if not value.isascii() and value.encode(errors="ignore").decode() != value:
        raise InputError(f"{place}: {field}: half a surrogate pair in {value!r:.60}; mend the escapes in the row")


def texts(place: str, field: str, value: object) -> tuple[str, ...]:
    """Return a text or a list of texts, each of them once."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        came = type(value).__name__
        raise InputError(f"{place}: {field}: wanted a text or a list of texts, came {came}; mend the row")
    if len(value) == 1:
        return (text(place, field, value[0]),)
    return tuple(dict.fromkeys(text(place, field, part) for part in value))


def lines(place: str, field: str, value: object) -> str:
    """Return a text as it is and a list of texts as one line each; "" where there is nothing."""
    if value in (None, "", []):
        return ""
    if isinstance(value, list):
        return "\n".join(text(place, field, part) for part in value)
    return text(place, field, value)


def objects(place: str, value: object) -> list[Mapping[str, Any]]:
    """Return a list of objects; an object of lists, as the hub makes of it, is taken apart."""
    if isinstance(value, dict):
        columns = {name: column for name, column in value.items() if isinstance(column, list)}
        lengths = {len(column) for column in columns.values()}
        if len(lengths) > 1:
            told = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
            raise InputError(f"{place}: wanted lists of one length, came {told}; mend the row")
        value = [dict(zip(columns, parts, strict=True)) for parts in zip(*columns.values(), strict=True)]
    if not isinstance(value, list):
        raise InputError(f"{place}: wanted a list of objects, came {kind_of(value)}; mend the row")
    for number, part in enumerate(value):
        if not isinstance(part, dict):
            raise InputError(f"{place}[{number}]: wanted an object, came {kind_of(part)}; mend the row")
    return value


def kind_of(value: object) -> str:
    """Name the kind of a JSON value in an error message."""
    return KINDS.get(type(value), "null" if value is None else type(value).__name__)


def among(names: Iterable[str]) -> str:
    """List the names that there are in an error message."""
    return ", ".join(names) or "none"
