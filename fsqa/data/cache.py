"""Prepared data on disk: made once, keyed by everything that shaped it, never half-written."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import fsqa
from fsqa.errors import InputError

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def key_of(*parts: object) -> str:
    """Hash anything JSON can hold, together with the code that prepares data, into a short key."""
    text = json.dumps([_code_digest(), *parts], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def cached_folder(root: Path, key: str, make: Callable[[Path], None]) -> Path:
    """Return ``root/key``, made by ``make(folder)`` if it is not there yet.

    The folder is made under a temporary name and renamed: several processes may race, one wins, and a killed
    one leaves nothing that could be mistaken for a whole folder. A folder that cannot be written is an InputError.
    """
    final = root / key
    if final.is_dir():
        return final
    try:
        root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=root))
    except OSError as error:
        raise InputError(
            f"outputs: cannot write to {root}: {error.strerror}; set outputs= to a folder you own"
        ) from None
    try:
        make(draft)
        draft.replace(final)
    except OSError as error:
        if final.is_dir():
            return final
        if error.errno in CANNOT_WRITE:
            raise InputError(
                f"outputs: cannot write {final}: {error.strerror or error}; free some space or set outputs="
            ) from None
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return final


@cache
def _code_digest() -> str:
    """Hash the modules that turn rows into tokens, so that a changed reader never meets old data."""
    package = Path(fsqa.__file__).parent
    digest = hashlib.sha256()
    for folder in ("dataset", "prompt", "encode", "data", "."):
        for path in sorted((package / folder).glob("*.py")):
            if folder != "." or path.stem == "types":
                digest.update(path.read_bytes())
    return digest.hexdigest()
