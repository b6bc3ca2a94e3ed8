"""The one kind of error that is the user's to mend, and the ways to end early that are none."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Bad input, told in one line: what was wanted, what came, where, and what to do.

    The command line prints the message without a traceback and ends with exit code 2.
    """


class Pruned(Exception):  # noqa: N818  # a decision, no error
    """A search has stopped the run that this is raised in, because others do better; the message says against what."""


class Stopped(SystemExit):
    """A signal asked this process to end; the code is 128 and the signal's number.

    A class of its own, because a run that calls ``sys.exit`` itself has failed, while one that was stopped goes on
    when it is started again.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known word nearest to ``word``, or an empty string."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
