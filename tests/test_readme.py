"""README's commands are real: every one names a command, and its overrides compose."""

import re
import shlex
from pathlib import Path

import pytest

from fsqa.cli import COMMANDS
from fsqa.config.check import check_config
from fsqa.config.compose import compose_config

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))))


def commands(page: str) -> list[str]:
    """Return every fsqa command in the page's bash blocks, continuation lines joined and comments cut."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.startswith("fsqa ")]


@pytest.mark.parametrize(("page", "command"), [(page, command) for page in PAGES for command in commands(page)])
def test_command_exists_and_its_overrides_compose(page: str, command: str, monkeypatch) -> None:
    name, *words = shlex.split(command)[1:]
    assert name in COMMANDS
    if name not in ("train", "show", "data") or "mostly_answer" in command:  # a file that the reader is told to write
        return
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)  # what is sent as it goes wants one
    cfg = compose_config([word for word in words if "=" in word])
    if "../shared" not in command or (ROOT.parent / "shared").is_dir():
        assert check_config(cfg)["outputs"] == "outputs"


def test_readme_has_commands() -> None:
    assert len(commands("README.md")) >= 8


def test_readme_lists_every_option_of_every_group() -> None:
    """A new option that README does not name fails here."""
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Groups")[1]
    for group in sorted(path for path in (ROOT / "conf").iterdir() if path.is_dir()):
        row = next(line for line in table.splitlines() if line.startswith(f"| `{group.name}` |"))
        for option in group.rglob("*.yaml"):
            assert f"`{option.stem}`" in row, f"{group.name}={option.stem} is not in README's table"


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(
        re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    ):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
