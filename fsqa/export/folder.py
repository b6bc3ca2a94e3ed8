"""Folders that are there whole or not at all."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fsqa.errors import InputError


def check_free(target: Path, run: Path) -> None:
    """Raise InputError unless a new folder can be made at ``target``, outside of the run."""
    if target.exists():
        raise InputError(f"--output: {target} is there already; name another folder, or move it away")
    if run.resolve() in target.resolve().parents:
        raise InputError(f"--output: {target} is inside the run {run}, which stays as it is; name a folder elsewhere")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output: cannot write to {target}: {error.strerror}") from None


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a folder to write into, which gets its name at the end; after an error nothing is left of it."""
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        yield draft
        draft.replace(target)
    except Exception as error:
        # safetensors tells of a full disk in words alone
        if isinstance(error, OSError) or type(error).__name__ == "SafetensorError":
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            advice = "; make room, or name a folder on another disk with --output" if full else ""
            raise InputError(f"--output: cannot write to {target}: {reason}{advice}") from error
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
