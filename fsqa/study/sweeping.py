"""Which processes sweep over a study: each keeps a file there for as long as it does."""

from __future__ import annotations

import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from fsqa.study.plan import FOLDER

SUFFIX = ".control"
NAME = re.compile(rf"(?P<host>.+)-(?P<process>\d+)-(?P<started>\d+){re.escape(SUFFIX)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """The process of a sweep, as the name of its file tells it."""

    host: str
    process: int
    started: int
    """Nanoseconds since 1970; what tells sweeps of one process apart."""

    @classmethod
    def of_this_process(cls) -> Sweeper:
        """Return a sweep that begins now, in this process."""
        return cls(host=socket.gethostname(), process=os.getpid(), started=time.time_ns())

    @property
    def identity(self) -> str:
        """What no other sweep is called."""
        return f"{self.host}-{self.process}-{self.started}"

    def file(self, study: Path) -> Path:
        """Return the file by which it is known in a study."""
        return study / FOLDER / f"{self.identity}{SUFFIX}"

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine; of others' processes nothing can be asked."""
        return self.host == socket.gethostname()

    @property
    def is_gone(self) -> bool:
        """Whether its process is known to be no more."""
        return self.is_here and not _is_alive(self.process)


def sweepers(study: Path) -> dict[Path, Sweeper]:
    """Return who has a file in a study, killed ones that could not remove theirs included."""
    matches = {path: NAME.fullmatch(path.name) for path in (study / FOLDER).glob(f"*{SUFFIX}")}
    return {
        path: Sweeper(host=match["host"], process=int(match["process"]), started=int(match["started"]))
        for path, match in matches.items()
        if match
    }


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True
