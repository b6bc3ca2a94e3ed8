from pathlib import Path

from fsqa.files import write_json
from fsqa.footprint import FILE, estimated_mb, show
from fsqa.memory_estimate import MemoryEstimate
from fsqa.model.parameters import Count
from tests.commands.lines import TINY, spawn


def test_the_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    memory = MemoryEstimate(weights=1400, gradients=3, optimizer=6, activations=120, logits=70, process=600)
    show({"attention": Count(1_000_000, 0), "adapters": Count(3_000, 3_000)}, memory)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line.split() for line in captured.err.splitlines()]
    assert lines[1:4] == [
        ["attention", "1,000,000", "0", "0.00", "%"],
        ["adapters", "3,000", "3,000", "100.00", "%"],
        ["all", "1,003,000", "3,000", "0.30", "%"],
    ]
    assert captured.err.splitlines()[4].startswith("about 2,199 MB at most: weights 1,400, gradients 3, optimizer 6,")


def test_without_an_estimate(capsys, tmp_path: Path):
    show({"attention": Count(10, 10)}, None)
    assert "MB" not in capsys.readouterr().err
    write_json(tmp_path / FILE, {"memory_mb": None})
    assert estimated_mb(tmp_path / FILE) is None
    write_json(tmp_path / FILE, {"memory_mb": {"total": 12.5}})
    assert estimated_mb(tmp_path / FILE) == 12.5


def test_a_sweep_shows_the_table_of_one_model_once(tmp_path):
    outcome = spawn("train", "-m", "loss=all,answer", "seed=0,1", *TINY, f"outputs={tmp_path}")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr.count("MB at most") == 1
    assert len(list(tmp_path.glob("*/*/parameters.json"))) == 4
