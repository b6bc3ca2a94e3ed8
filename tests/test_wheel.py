"""The package as a user gets it: built, installed into a new environment, run from an empty folder."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.commands.lines import TINY, environment

ROOT = Path(__file__).parents[1]


def run(*words: object, cwd: Path) -> str:
    # The checkout must not be found by its own path.
    variables = {name: value for name, value in environment().items() if not name.startswith("PYTHON")}
    result = subprocess.run(
        list(map(str, words)), cwd=cwd, env=variables, capture_output=True, text=True, check=False, timeout=200
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if find_spec("hatchling") is None:
        pytest.skip("needs hatchling, which pip install -e '.[dev]' brings")
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    run(*pip, "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", folder, ROOT, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A new environment that holds the wheel, and finds what it needs in this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python, "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
    # After the install, so that pip does not meet the checkout's own fsqa. A .pth line adds a folder behind the
    # environment's own, and does not read the .pth files in it, such as the one of the editable checkout.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


def test_content(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    conf = {f"fsqa/conf/{path.relative_to(ROOT / 'conf')}" for path in (ROOT / "conf").rglob("*.yaml")}
    code = {str(path.relative_to(ROOT)) for path in (ROOT / "fsqa").rglob("*.py")}
    texts = {
        str(path.relative_to(ROOT)) for path in (ROOT / "fsqa" / "dataset").iterdir() if path.suffix in (".txt", ".md")
    }
    assert conf <= names
    assert code <= names
    assert texts
    assert texts <= names
    assert not [name for name in names if name.startswith(("tests/", "conf/")) or "__pycache__" in name]


def test_configs_come_from_the_wheel(installed, tmp_path):
    code = "import fsqa; from fsqa.config.compose import config_folder; print(fsqa.__file__); print(config_folder())"
    package, conf = run(installed / "bin" / "python", "-c", code, cwd=tmp_path).splitlines()
    assert Path(package).is_relative_to(installed)
    assert Path(conf) == Path(package).parent / "conf"


def test_it_runs_from_an_empty_folder(installed, tmp_path):
    fsqa = installed / "bin" / "fsqa"
    printed = run(fsqa, "train", "--cfg", "job", cwd=tmp_path)
    assert "_target_: fsqa.loss.SmoothedKL" in printed
    assert os.listdir(tmp_path) == []  # noqa: PTH208
    data = [word for word in TINY if word.startswith(("dataset.", "trainer.accelerator"))]
    told = run(fsqa, "train", "rehearse=true", "max_length=32", *data, cwd=tmp_path)
    path = tmp_path / told.split("  ")[0]
    assert (path / "metrics.json").is_file()
    assert str(installed) not in (path / "config.yaml").read_text()
