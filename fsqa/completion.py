"""Tab completion: Hydra's own, taught that the first word is a command."""

from __future__ import annotations

import os
import sys

from fsqa.config.compose import config_folder, own_option


def complete(words: list[str]) -> int:
    """Answer ``-sc install=SHELL``, ``-sc uninstall=SHELL`` and what the installed hook then asks."""
    from fsqa.cli import COMMANDS

    line = os.environ.get("COMP_LINE", "").split(" ")
    if any(word.startswith("query=") for word in words) and len(line) <= 2:
        print(" ".join(command for command in COMMANDS if command.startswith(line[-1])))
        return 0
    if len(line) > 2 and line[1] in COMMANDS:
        # Hydra completes what stands behind the program's name, so the command's word is taken out.
        os.environ["COMP_LINE"] = " ".join([line[0], *line[2:]])
    import hydra

    before, sys.argv = sys.argv, [sys.argv[0], *own_option(), "-sc", *words]
    try:
        hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="train")(_nothing)()
    finally:
        sys.argv = before
    return 0


def _nothing(_: object) -> None:
    """Stand in for a task: completion runs none."""
