"""Ctrl-C and SIGTERM, turned into an exception that every step of a run may see."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fsqa.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)

GRACE = 2.0

ORDERS = (*[signal.SIGTERM] * 4, signal.SIGKILL)
PATIENCE = GRACE + 0.5
"""What a run is sent, and how many seconds apart, until it is gone: some library may swallow the first."""


@contextmanager
def stoppable(before: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into :class:`Stopped`, so that a run writes that it was interrupted, wherever it is.

    Lightning would put Ctrl-C off for good, and hear of SIGTERM only after the batch. A further signal within
    :data:`GRACE` seconds, as where a terminal signals a whole group, must not cut off the clean-up; one after that
    raises again, as some library may have swallowed the first. ``before`` is called before the exception is raised.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    last = float("-inf")

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last < GRACE:
            return
        last = time.monotonic()
        before()
        raise Stopped(number)

    handlers = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
