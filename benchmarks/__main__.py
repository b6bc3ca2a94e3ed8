"""``python -m benchmarks NAME ...``: one benchmark, or all of them one after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from fsqa.errors import InputError, did_you_mean

BENCHMARKS = {
    "race": "training, step by step against plain Lightning, the HF Trainer and TRL",
    "generation": "answering questions, against generate() of transformers",
    "data": "reading and tokenising, from nq_open to a million made-up questions",
    "startup": "from the command to its help, its first error and its first finished step",
    "sweep": "twelve small runs as one study, against twelve starts",
    "scaling": "time and memory over the number of rows and the size of a batch",
    "overhead": "what a step costs beside the model and the optimizer",
}

USAGE = """Benchmarks of fsqa. Each writes NAME.json and NAME.md into --output (benchmarks/results).

usage: python -m benchmarks NAME ...

{names}
  all         each of them with its own defaults

python -m benchmarks NAME --help tells more.
"""


def run(words: Sequence[str]) -> int:
    """Run the benchmark that the command line names, and return its exit code; 2 for input that can be mended."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE.format(names="\n".join(f"  {name:<11} {told}" for name, told in BENCHMARKS.items())), end="")
        return 0
    name, *rest = words
    try:
        if name == "all":
            return max(_main(each)(rest) for each in BENCHMARKS)
        if name not in BENCHMARKS:
            raise InputError(
                f"there is no '{name}'{did_you_mean(name, [*BENCHMARKS, 'all'])}; "
                f"wanted one of {', '.join(BENCHMARKS)}, all"
            )
        return _main(name)(rest)
    except InputError as error:
        print(f"benchmarks: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _main(name: str):
    return import_module(f"benchmarks.{name}").main


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
