"""Prepared data on disk: made once, keyed by everything that shaped it, never half-written."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TypeVar

import fsqa
from fsqa.errors import InputError
from fsqa.progress import working

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)

CODE = ("dataset", "prompt", "encode", "data", "generation", "metrics", "objective")
"""Folders of the package whose code decides what is kept here: rows, tokens, and scores of what was never trained."""

MODULES = ("types", "evaluation", "baseline")
"""Further modules that do."""

ATTEMPTS = 5
"""How often an entry is made again that somebody deletes before it was read."""

Value = TypeVar("Value")


class _DeletedError(Exception):
    """Somebody deleted what is being made."""


def key_of(*parts: object) -> str:
    """Hash anything JSON can hold, together with the code that prepares and scores data, into a short key."""
    text = json.dumps([_code_digest(), *parts], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def cached(root: Path, key: str, make: Callable[[Path], None], read: Callable[[Path], Value]) -> Value:
    """Return what ``read`` reads in the folder ``root/key``, which ``make(folder)`` fills if it is not there yet.

    Of several processes that want the folder at one moment one makes it and the others wait; a lock that dies with its
    owner sees to that. The folder is made under a temporary name and renamed, so a killed process leaves nothing that
    could be mistaken for a whole one. All of it may be deleted at any time: what is missing is made again. A folder
    that cannot be written is an InputError.
    """
    final = root / key
    for _ in range(ATTEMPTS):
        try:
            if not final.is_dir():
                with _alone(root, key):
                    if not final.is_dir():
                        _make(final, make)
        except _DeletedError:
            continue
        try:
            return read(final)
        except FileNotFoundError:
            with suppress(_DeletedError), _alone(root, key):
                shutil.rmtree(final, ignore_errors=True)
    raise InputError(f"{final}: somebody deletes it again and again before it can be read; leave it, and start again")


def _make(final: Path, make: Callable[[Path], None]) -> None:
    with _writable(final.parent):
        draft = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        make(draft)
        draft.replace(final)
    except Exception as error:
        if final.is_dir():
            return  # the lock was deleted with the rest, and another process was faster
        if not draft.is_dir():
            raise _DeletedError(f"{final} was deleted while it was made") from error
        if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
            raise InputError(
                f"outputs: cannot write {final}: {error.strerror or error}; free some space or set outputs="
            ) from None
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _alone(root: Path, key: str) -> Iterator[None]:
    """Hold the lock of a key, and wait for it while another process does; its file goes when it is given back."""
    path = root / f".{key}.lock"
    while True:
        with _writable(root):
            root.mkdir(parents=True, exist_ok=True)
            handle = path.open("w")
        with handle:
            _take(handle)
            if not _is_at(path, handle):
                continue  # its last owner has removed it, and the next may hold another
            try:
                yield
            finally:
                if _is_at(path, handle):
                    path.unlink(missing_ok=True)
                fcntl.flock(handle, fcntl.LOCK_UN)  # a process forked meanwhile has the file open too
            return


def _take(handle: IO[str]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with working("waiting for another run that prepares the same data"):
            fcntl.flock(handle, fcntl.LOCK_EX)


def _is_at(path: Path, handle: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle.fileno()))
    except FileNotFoundError:
        return False


@contextmanager
def _writable(root: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise _DeletedError(f"{root} was deleted") from error
    except OSError as error:
        raise InputError(
            f"outputs: cannot write to {root}: {error.strerror}; set outputs= to a folder you own"
        ) from None


@cache
def _code_digest() -> str:
    """Hash the modules that turn rows into tokens and scores, so that changed code never meets old data."""
    package = Path(fsqa.__file__).parent
    paths = [path for folder in CODE for path in sorted((package / folder).glob("*.py"))]
    digest = hashlib.sha256()
    for path in [*paths, *(package / f"{name}.py" for name in MODULES)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
