"""The fields of a prompt's texts, which the parts of a record are put into."""

import string

from fsqa.errors import InputError, did_you_mean


def check_fields(text: str, where: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the fields that a text holds.

    Raises InputError, which calls the text ``where``, for a field that is not ``allowed``, or that is formatted.
    """
    try:
        parsed = [(name, spec, how) for _, name, spec, how in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise InputError(f"{where}: {error} in {text!r}; write {{{{ and }}}} for plain braces") from None
    for name, spec, conversion in parsed:
        if spec or conversion:
            raise InputError(f"{where}: wanted plain fields such as {{{allowed[0]}}}, without ':' or '!', got {text!r}")
        if name not in allowed:
            names = ", ".join(f"{{{each}}}" for each in allowed)
            raise InputError(
                f"{where}: no field '{{{name}}}' here{did_you_mean(name, allowed)}; this text may hold {names}"
            )
    return tuple(name for name, _, _ in parsed)


def check_answer_field(text: str, where: str) -> None:
    """Raise InputError unless the answer stands in a text once, and nothing else of a record does."""
    if check_fields(text, where, ("answer",)).count("answer") != 1:
        raise InputError(f"{where}: wanted {{answer}} once, got {text!r}")
