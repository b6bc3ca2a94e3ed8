"""What is in a file, told by a hash that is worked out once."""

from functools import cache
from hashlib import file_digest
from pathlib import Path


def content_hash(file: Path) -> str:
    """Return the SHA-256 of a file; it is read again only after it has changed."""
    state = file.stat()
    return _sha256(file.resolve(), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@cache
def _sha256(file: Path, *_: int) -> str:
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
