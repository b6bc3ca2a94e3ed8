"""One contestant in a process of its own: ``python -m benchmarks.worker JOB``, started by the coordinator."""

from __future__ import annotations

import sys
from importlib import import_module

from benchmarks.turns import open_gate
from benchmarks.variants import Job

TRAINERS = {
    "fsqa": "benchmarks.fsqa_train",
    "lightning": "benchmarks.plain_lightning",
    "hf": "benchmarks.hf_trainer",
    "trl": "benchmarks.trl_sft",
}


def main(text: str) -> None:
    """Train until the coordinator has had enough."""
    job = Job.read(text)
    gate = open_gate(job.device, job.warm_up)
    import torch

    torch.set_num_threads(job.threads)
    if "process" in job.chosen.options:
        from fsqa.speed.process import tune

        tune(matrix_route=True, kept_memory=True)
    import_module(TRAINERS[job.chosen.name]).train(job, gate)


if __name__ == "__main__":
    main(sys.argv[1])
