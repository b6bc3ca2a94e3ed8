"""What is said about a run that ended before its end."""

from __future__ import annotations

import os
import traceback

from fsqa.errors import InputError, Pruned, Stopped

OUT_OF_MEMORY = "out of memory: lower micro_batch_size or max_length, or let fewer runs share the machine"


def describe(error: BaseException) -> dict[str, str]:
    """Return an error as ``status.json`` keeps it: its type, one message, the traceback."""
    text = "".join(traceback.format_exception(error))
    return {"type": type(error).__name__, "message": message(error), "traceback": text}


def one_line(error: BaseException) -> str:
    """Return an error as one line: the user's own mistakes and decisions as they are, others after their kind."""
    kind = "" if isinstance(error, InputError | Pruned) else f"{type(error).__name__}: "
    return f"{kind}{' '.join(message(error).split())}"


def message(error: BaseException) -> str:
    """Return what an error says, and where it says nothing of use, what it means."""
    if isinstance(error, KeyboardInterrupt | Stopped):
        return f"process {os.getpid()} was stopped"
    if isinstance(error, SystemExit):
        return f"the run itself called sys.exit({'' if error.code is None else repr(error.code)})"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "; ".join(filter(None, (str(error), OUT_OF_MEMORY)))
    return str(error)
