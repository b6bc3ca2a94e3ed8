"""What a rule without learning makes of a question in which a speaker corrects himself."""

import re

_UP_TO_LAST_CUE = re.compile(
    r".*\b(?:no|nope|sorry|wait|rather|actually|oops|i meant?|(?:make|scratch|change) that|tell me|er|uh|um+)\b[\s,]*"
    r"(?=.*\w)",
    re.IGNORECASE | re.DOTALL,
)
"""Everything up to the last word of repair that something follows, as in "Who is, no wait, what is a cue?"."""


def after_last_cue(question: str) -> str:
    """Return what follows the last word of repair, with a capital; a question without one comes back as it is."""
    cue = _UP_TO_LAST_CUE.match(question)
    if cue is None:
        return question
    rest = question[cue.end() :]
    return rest[:1].upper() + rest[1:]
