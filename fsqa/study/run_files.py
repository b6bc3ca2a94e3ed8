"""The files of a run folder, parsed; what is broken is an InputError that names the file and the line."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from fsqa.errors import InputError

_TOP_LEVEL = re.compile(r"(?m)^(?=[A-Za-z_])")
_ANCHOR = re.compile(r"(?m)(?:^|[\s\[{,:-])[&*]\w")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+$")


def read_json(path: Path) -> Mapping[str, Any]:
    """Return the JSON object of a file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}: broken JSON ({error.msg}); delete the run folder and run it again"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def read_lines(path: Path) -> list[Mapping[str, Any]]:
    """Return the JSON objects of a file of JSON lines; none where there is no such file."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    written = [line for line in lines if line.strip()]
    try:
        found: list[Mapping[str, Any]] = json.loads(
            f"[{','.join(written)}]"
        )  # all at once takes two thirds of the time
    except json.JSONDecodeError:
        return list(_one_by_one(path, lines))
    return found


def _one_by_one(path: Path, lines: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            # a killed run may leave its last line half-written; any other broken line is damage
            if number == len(lines):
                return
            raise InputError(f"{path}:{number}: broken JSON ({error.msg})") from error


def read_config(run: Path) -> dict[str, Any]:
    """Return the resolved config of a run folder; empty where there is none. Runs share its values: change none.

    The configs of a study are nearly alike, so a top-level entry that was parsed before is not parsed again.
    """
    path = run / "config.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); restore it, or delete {run} and run it again") from None
    try:
        content = _by_entry(text)
        if content is None:
            content = yaml.load(text, _loader())
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read ({reason}); restore it, or delete {run} and run it again") from None
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


def _by_entry(text: str) -> dict[str, Any] | None:
    """Parse every top-level entry by itself; ``None`` where they cannot be told apart or refer to each other."""
    if _ANCHOR.search(text):
        return None
    content: dict[str, Any] = {}
    try:
        for entry in _TOP_LEVEL.split(text):
            parsed = _entry(entry)
            if isinstance(parsed, dict):
                content |= parsed
            elif parsed is not None:
                return None
    except yaml.YAMLError:
        return None
    return content


@lru_cache(maxsize=4096)
def _entry(text: str) -> Any:
    return yaml.load(text, _loader())


@cache
def _loader() -> Any:
    """Return the fast safe loader, for which 1e-05 is a number, as it is for YAML 1.2 and for Hydra."""
    loader: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    return loader
