"""The one kind of error that is the user's to mend."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Bad input, told in one line: what was wanted, what came, where, and what to do.

    The command line prints the message without a traceback and ends with exit code 2.
    """


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known word nearest to ``word``, or an empty string."""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
