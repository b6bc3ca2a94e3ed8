"""The command line: one word chooses the command, and nothing heavy loads before its input is known to be good."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module

from fsqa import __version__
from fsqa.errors import InputError, did_you_mean

COMMANDS = {
    "train": "compose and train a run, or a whole study with -m",
    "evaluate": "score a finished run again, under another decoding or precision",
    "ask": "let a finished run answer questions",
    "export": "write a finished run's model for other programs: merged, adapter, int8, lm_eval",
    "data": "tell what a dataset holds, how long its rows are and what is cut, or write it as JSON lines",
    "show": "print examples with every token coloured by its weight under a loss",
    "study": "show what every run of a study is at, live while it runs",
    "report": "compare the runs of a study: table, CSV, plots and one HTML page",
    "wandb": "send a study to W&B, and make the page there that compares its cells",
    "doctor": "check this machine and installation",
}

STOPPED = (130, 143)
"""Exit codes after Ctrl-C and SIGTERM."""

USAGE = """fsqa fine-tunes small language models for question answering, and finds out which way of training them works.

usage: fsqa COMMAND ...

{commands}

fsqa COMMAND --help tells more. Start with: fsqa train --help
Tab completion: eval "$(fsqa -sc install=bash)"
"""


def main() -> None:
    """Run the command that the command line names."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    It is 0, 2 for input the user can mend, 130 after Ctrl-C and 143 after SIGTERM; a bug raises.
    """
    keep_quiet()
    try:
        return _command(words)(list(words[1:]))
    except InputError as error:
        print(f"fsqa: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _stopped(STOPPED[0])
    except BrokenPipeError:
        # Whoever read the output has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return _stopped(code) if code in STOPPED else code


def keep_quiet() -> None:
    """Keep out of the terminal what is no user's to act on."""
    # bitsandbytes tells with every layer of every pass which numbers it computes in.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    # peft asks transformers by a name that is to be renamed.
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)


def _stopped(code: int) -> int:
    print("fsqa: interrupted; type the same command to go on", file=sys.stderr)
    return code


def _command(words: Sequence[str]) -> Callable[[list[str]], int]:
    if not words or words[0] in ("-h", "--help", "help"):
        return _usage
    if words[0] == "--version":
        return _version
    if words[0] in ("-sc", "--shell-completion") or words[0].startswith("--shell-completion="):
        return import_module("fsqa.completion").complete
    if words[0] not in COMMANDS:
        raise InputError(
            f"no command named '{words[0]}'{did_you_mean(words[0], COMMANDS)}; the commands are {', '.join(COMMANDS)}"
        )
    command: Callable[[list[str]], int] = import_module(f"fsqa.commands.{words[0]}").run
    return command


def _usage(_: list[str]) -> int:
    width = max(map(len, COMMANDS))
    print(USAGE.format(commands="\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())).rstrip())
    return 0


def _version(_: list[str]) -> int:
    print(f"fsqa {__version__}")
    return 0
