"""Options of a command: a mistake in them is one line, like any other bad input."""

from __future__ import annotations

from argparse import Action, ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, NoReturn

from fsqa.errors import InputError, did_you_mean


class Arguments(ArgumentParser):
    """An ArgumentParser whose errors are InputErrors that name the nearest right option."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage."""
        raise InputError(mistake(self, message))


def mistake(parser: ArgumentParser, message: str) -> str:
    """Turn what argparse complains about into one line with the nearest option and where to read on."""
    near = ""
    if message.startswith("unrecognized arguments:"):
        word = message.split()[2].split("=")[0]
        near = did_you_mean(word, options(parser))
    return f"{' '.join(message.split())}{near}; see {parser.prog} --help"


def options(parser: ArgumentParser) -> list[str]:
    """List the long options of a parser."""
    actions: list[Action] = parser._actions
    return [name for action in actions for name in action.option_strings if name.startswith("--")]


def parse(parser: ArgumentParser, words: list[str]) -> Any:
    """Parse a command's words, options and others in any order."""
    return parser.parse_intermixed_args(words)
