"""The notebooks run from top to bottom, show what their text speaks of, and are stored clean."""

import ast
import base64
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.commands.lines import environment

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = ("01_first_study", "02_loss_ablation", "03_reading_predictions", "04_full_vs_lora")
TINY = {
    "seeds": "0",
    "more": "trainer.accelerator=cpu trainer.max_steps=2 trainer.val_check_interval=2 callbacks.answers.examples=4 "
    "batch_size=8 generation.max_new_tokens=4 dataset.questions=196 dataset.validation_questions=10 "
    "dataset.test_questions=20",
}
"""Values of the parameters with which a notebook takes seconds."""
SHORTEST, LONGEST = 8, 24
"""Cells of a notebook, text and code."""
LOGIC = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.With, ast.ListComp)
pytestmark = pytest.mark.timeout(400)
PNG = b"\x89PNG"


def read(name: str) -> NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=nbformat.NO_CONVERT)


def codes(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def execute(name: str, folder: Path, **values: str) -> NotebookNode:
    """Run a notebook in ``folder`` with other values of its parameters; a cell that raises fails the test."""
    notebook = read(name)
    (place,) = [number for number, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    lines = "\n".join(f"{key} = {value!r}" for key, value in (TINY | values).items())
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(lines, id="injected-parameters"))
    folder.mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    NotebookClient(notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute(
        env=environment(PATH=path, IPYTHONDIR=str(folder / ".ipython"))
    )
    return notebook


def shown(notebook: NotebookNode, name: str) -> list[NotebookNode]:
    """The outputs of the cell with an id."""
    (cell,) = [cell for cell in notebook.cells if cell.id == name]
    return cell.outputs


def printed(notebook: NotebookNode, name: str) -> str:
    """What a cell printed, without colours."""
    text = "".join(output.text for output in shown(notebook, name) if output.output_type == "stream")
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def table(notebook: NotebookNode, name: str) -> str:
    """The HTML that a cell shows."""
    html = [output.data["text/html"] for output in shown(notebook, name) if "text/html" in output.get("data", {})]
    assert html, f"{name} shows no table"
    return "".join(html)


def pictures(notebook: NotebookNode) -> list[str]:
    """The cells that show a picture."""
    found = []
    for cell in codes(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert base64.b64decode(output.data["image/png"]).startswith(PNG)
                found.append(cell.id)
    return found


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    """The folder that all notebooks write to, opened from beside it or from ``notebooks/``."""
    return tmp_path_factory.mktemp("checkout") / "outputs"


def test_these_are_all():
    assert sorted(path.name for path in FOLDER.iterdir() if not path.name.startswith(".")) == [
        f"{name}.ipynb" for name in NAMES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_is_stored_clean(name):
    notebook = read(name)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert SHORTEST <= len(notebook.cells) <= LONGEST
    assert all(re.fullmatch("[a-z-]+", cell.id) for cell in notebook.cells), "ids are names, not chance"
    for cell in codes(notebook):
        assert not cell.outputs, f"{cell.id} is stored with its output"
        assert cell.execution_count is None, f"{cell.id} is stored with a count"
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert not re.findall(r"[\"' =](?:/home/|/root/|/tmp/|/work/|/Users/|[A-Z]:\\\\)", text), "an absolute path"


@pytest.mark.parametrize("name", NAMES)
def test_holds_no_logic(name):
    notebook = read(name)
    assert ["parameters"] in [cell.metadata.get("tags") for cell in codes(notebook)[:1]]
    for cell in codes(notebook):
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
        assert not [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, LOGIC)], cell.id
        assert "sys.path" not in cell.source


def test_first_study(outputs):
    notebook = execute("01_first_study", outputs.parent)
    assert "answer: 1" in printed(notebook, "compose")
    assert "answer 50 % (1 token), end 50 % (1 token)" in printed(notebook, "show")
    assert printed(notebook, "train").count("exact match") == 2
    assert "loss=answer_end" in table(notebook, "report")
    assert "nearest question" in table(notebook, "report")
    assert pictures(notebook) == ["picture"]
    assert "outputs/first_study/report/report.html" in table(notebook, "page")
    assert (outputs / "first_study" / "report" / "report.html").is_file()


@pytest.fixture(scope="module")
def ablation(outputs) -> NotebookNode:
    return execute("02_loss_ablation", outputs.parent / "notebooks")


def test_loss_ablation(ablation, outputs):
    assert printed(ablation, "train").count("exact match") == 4
    assert pictures(ablation) == ["overview", "stop", "nll", "masks", "curves"]
    compared = table(ablation, "comparisons")
    assert all(f"<th>loss={loss}</th>" in compared for loss in ("all", "answer", "balanced"))
    assert all(f"<th>{figure}</th>" in compared for figure in ("mean", "low", "high", "p", "adjusted", "detectable"))
    assert len(list((outputs / "loss_ablation").glob("*/status.json"))) == 4


@pytest.mark.usefixtures("ablation")
def test_reading_predictions(outputs):
    notebook = execute("03_reading_predictions", outputs.parent / "notebooks")
    assert printed(notebook, "train").count("already done") == 4
    assert table(notebook, "answers").count("<tr") == 11
    assert "prediction_untouched" in table(notebook, "before")
    assert "capital" in table(notebook, "kinds")
    assert "answer_nll" in table(notebook, "surprised")
    assert "right with loss=balanced" in table(notebook, "changed")
    assert "prediction_other" in table(notebook, "changed-list")


def test_full_vs_lora(outputs):
    notebook = execute("04_full_vs_lora", outputs.parent / "notebooks", rates="1e-3,1e-2")
    assert "model.safetensors" in shown(notebook, "base-model")[0].data["text/plain"]
    assert printed(notebook, "tune").count("exact match") == 6
    assert "tuning=lora" in table(notebook, "report")
    assert pictures(notebook) == ["cost", "rates", "effects"]
    assert "checkpoint_mb_mean" in table(notebook, "cost-table")
