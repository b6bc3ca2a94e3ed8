import sys

import pytest

from benchmarks import coordinator
from benchmarks.__main__ import run
from benchmarks.coordinator import heats, run_heat
from benchmarks.race import expected_mb, parser
from tests.benchmarks.test_variants import job

WORKER = """
import json, os, sys
from benchmarks.turns import NOTHING, open_gate
from benchmarks.variants import Job
variant = Job.read(sys.argv[-1]).variant
if variant == "hf":
    sys.exit("no such luck")
gate = open_gate("cpu", 2)
for step in range(10**6):
    if variant == "trl" and step == 4:
        sys.exit("too tired")
    with open(os.environ["ORDER"], "a") as file:
        file.write(variant[0])
    gate.prepared(lambda: NOTHING)
    gate.finished_step(lambda: 1.0)
"""


@pytest.fixture
def workers(tmp_path, monkeypatch):
    """Stands small loops in for training, and returns the file in which each of their steps leaves a letter."""
    (tmp_path / "worker.py").write_text(WORKER, encoding="utf-8")
    started = coordinator.subprocess.Popen
    script = str(tmp_path / "worker.py")

    def popen(words, env, **options):
        environment = env | {"ORDER": str(tmp_path / "order"), "PYTHONPATH": str(coordinator.ROOT)}
        return started([sys.executable, script, words[-1]], env=environment, **options)

    monkeypatch.setattr(coordinator.subprocess, "Popen", popen)
    return tmp_path / "order"


def test_turns_go_there_and_back(workers, tmp_path):
    heat = run_heat([job(variant="fsqa"), job(variant="lightning")], tmp_path, rounds=2, steps=3, tell=lambda _: None)
    assert workers.read_text(encoding="utf-8") == "ff" + "ll" + "fff" + "lll" + "lll" + "fff"
    assert [len(c.turns) for c in heat.contestants] == [2, 2]
    assert not heat.fallen


def test_who_ends_early_falls_out_and_says_why(workers, tmp_path):
    jobs = [job(variant=spec) for spec in ("fsqa", "hf", "trl")]
    heat = run_heat(jobs, tmp_path, rounds=3, steps=2, tell=lambda _: None)
    assert [c.job.variant for c in heat.contestants] == ["fsqa"]
    assert {c.job.variant: c.last_words() for c in heat.fallen} == {"hf": "no such luck", "trl": "too tired"}


def test_heats_fit_into_memory_with_the_base_in_each(monkeypatch):
    jobs = [job(variant=spec) for spec in ("fsqa", "lightning", "hf", "trl")]
    names = lambda parts: [[j.variant for j in part] for part in parts]  # noqa: E731
    monkeypatch.setattr(coordinator, "memory_mb", lambda _: 10_000.0)
    assert names(heats(jobs, 3000, 6)) == [["fsqa", "lightning", "hf"], ["fsqa", "trl"]]
    assert names(heats(jobs, 3000, 2)) == [["fsqa", "lightning"], ["fsqa", "hf"], ["fsqa", "trl"]]
    assert names(heats(jobs, 100, 6)) == [["fsqa", "lightning", "hf", "trl"]]
    assert names(heats(jobs[:1], 100, 6)) == [["fsqa"]]


def test_expected_memory_of_gpt_neo():
    weights = {"parameters": 125_000_000, "head_matrix": [768, 50257]}
    assert 3000 < expected_mb(weights, parser().parse_args([])) < 3500


def test_help_is_light_and_names_everything(capsys):
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("race", "generation", "data", "startup", "sweep", "scaling", "all"))


def test_mistakes_are_one_line(capsys):
    assert run(["rase"]) == 2
    assert capsys.readouterr().err.startswith("benchmarks: there is no 'rase'; did you mean 'race'")
