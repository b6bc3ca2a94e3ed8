"""Which devices a run trains on, how many processes that takes, and which of them this one is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fsqa.errors import InputError

if TYPE_CHECKING:
    import torch

ALL = (-1, "-1", "auto")
"""What ``trainer.devices`` may be to mean all GPUs."""
FORKING = (
    "ddp_fork",
    "ddp_notebook",
    "ddp_notebook_find_unused_parameters_true",
    "ddp_fork_find_unused_parameters_true",
)
"""Strategies whose processes start as copies of this one."""


def strategy_name(trainer: Mapping[str, Any]) -> str:
    """Return the strategy as a word: as written, or the class that the node names."""
    strategy = trainer.get("strategy", "auto")
    return str(strategy["_target_"]).rpartition(".")[2] if isinstance(strategy, Mapping) else str(strategy)


def is_auto_mesh(strategy: Mapping[str, Any]) -> bool:
    """Whether a strategy node leaves it to us over how many devices the weights are shared."""
    return strategy.get("data_parallel_size") == "auto"


def is_single(trainer: Mapping[str, Any]) -> bool:
    """Whether the run surely trains in one process, told without loading torch."""
    return trainer.get("devices") in (1, "1") and strategy_name(trainer) in ("auto", "ddp_fork", "ddp_notebook")


def starts_commands(trainer: Mapping[str, Any]) -> bool:
    """Whether Lightning types the whole command again for every further device."""
    return not is_single(trainer) and strategy_name(trainer) not in FORKING and not _started_from_outside()


def rank(trainer: Mapping[str, Any]) -> int:
    """Return which of the processes that train one run together this is; the first writes and answers.

    Lightning, torchrun and Slurm say so in the environment.
    """
    if is_single(trainer) or strategy_name(trainer) in FORKING:
        return 0
    if "SLURM_PROCID" in os.environ and "RANK" not in os.environ and int(os.environ.get("SLURM_NTASKS", "1")) > 1:
        return int(os.environ["SLURM_PROCID"])
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))


def check_devices(plain: Mapping[str, Any]) -> None:
    """Raise InputError for devices and strategies that cannot work, as far as the config tells."""
    trainer = plain["trainer"]
    devices, strategy = trainer.get("devices"), strategy_name(trainer)
    if devices not in ALL and (not str(devices).isdigit() or int(devices) < 1):
        raise InputError(f"trainer.devices: wanted 1 or more, or -1 for all GPUs, got {devices!r}")
    if trainer.get("num_nodes", 1) != 1:
        raise InputError(f"trainer.num_nodes={trainer['num_nodes']}: a run trains on one machine; set it to 1")
    if strategy.startswith("ddp_spawn"):
        raise InputError(
            f"trainer.strategy={strategy}: what a run is made of cannot be sent to a spawned process; take ddp"
        )
    if strategy in FORKING and trainer.get("accelerator") != "cpu":
        raise InputError(
            f"trainer.strategy={strategy}: a process that has used a GPU cannot be forked; take ddp, or "
            "trainer.accelerator=cpu"
        )
    if trainer.get("accelerator") == "cpu" and devices in ALL:
        raise InputError(f"trainer.devices={devices}: the CPU is one device; say how many processes should train on it")
    if devices not in ALL:
        check_share(plain, int(devices))


def check_share(plain: Mapping[str, Any], devices: int) -> None:
    """Raise InputError unless ``devices`` devices can share every batch evenly."""
    size = plain["batch_size"]
    if size % devices:
        raise InputError(
            f"batch_size={size} cannot be shared by {devices} devices evenly; choose a multiple of {devices}, or other "
            "trainer.devices"
        )
    if size // devices % (micro := micro_batch_size(plain, devices)):
        raise InputError(
            f"batch_size={size} on {devices} devices leaves {size // devices} examples each, which is not a multiple "
            f"of micro_batch_size={micro}; choose one that divides it"
        )


def micro_batch_size(plain: Mapping[str, Any], devices: int) -> int:
    """Return how many examples a device holds at once: no more than its share of a batch."""
    return min(int(plain["micro_batch_size"]), int(plain["batch_size"]) // devices)


def refuse_in_sweep(plain: Mapping[str, Any]) -> None:
    """Raise InputError for a run of a sweep for which Lightning would start the whole sweep again."""
    trainer = plain["trainer"]
    if starts_commands(trainer):
        raise InputError(
            f"trainer.strategy={strategy_name(trainer)}, trainer.devices={trainer.get('devices')}: in a sweep every "
            "further process would start the whole sweep again; type one command per run, let a launcher start one "
            "task per device (hydra/launcher=submitit_slurm), or on a CPU take trainer.strategy=ddp_fork"
        )


def device_count(plain: Mapping[str, Any]) -> int:
    """Return how many devices the run trains on; raise InputError if this machine cannot do what is asked for."""
    trainer = plain["trainer"]
    if "deepspeed" in strategy_name(trainer).lower() and find_spec("deepspeed") is None:
        raise InputError(
            f"trainer.strategy={strategy_name(trainer)}: the package deepspeed is missing; "
            "pip install 'fsqa[deepspeed]'"
        )
    here, on_gpu = gpus(), wants_gpu(trainer)
    if str(trainer["precision"]).startswith("16") and not here:
        raise InputError(
            f"trainer.precision={trainer['precision']}: there is no GPU here, and on a CPU it would silently become "
            "bfloat16 or turn to NaN; take bf16-mixed or 32-true"
        )
    if on_gpu and not here:
        raise InputError(
            f"trainer.accelerator={trainer['accelerator']}: there is no GPU here; take trainer=cpu, or rehearse=true"
        )
    devices = trainer["devices"]
    count = (here or 1) if devices in ALL else int(devices)
    if on_gpu and count > here:
        raise InputError(f"trainer.devices={devices}: there are {here} GPUs here; take as many at most")
    check_share(plain, count)
    return count


def wants_gpu(trainer: Mapping[str, Any]) -> bool:
    """Whether the run is meant for GPUs: by name, or because there are some."""
    accelerator = trainer.get("accelerator")
    return accelerator in ("gpu", "cuda") or (accelerator == "auto" and gpus() > 0)


def gpus() -> int:
    """Return how many CUDA GPUs there are."""
    import torch

    return torch.cuda.device_count()


def home(trainer: Mapping[str, Any]) -> torch.device:
    """Return where this process holds its model: its own GPU, unless the trainer leaves GPUs alone."""
    import torch

    if trainer["accelerator"] not in ("auto", "gpu", "cuda") or not torch.cuda.is_available():
        return torch.device("cpu")
    if is_single(trainer):
        return torch.device("cuda")
    local = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0"))
    return torch.device("cuda", int(local))


def at_hand(config: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return a rehearsal's config for the devices there are, and a note on what changed; others stay as they are.

    It does without GPUs that are not there, and on a CPU without float16.
    """
    trainer = dict(config["trainer"])
    if not config["rehearse"]:
        return dict(config), None
    wanted = 1 if trainer["devices"] in ALL else int(trainer["devices"])
    here: dict[str, Any] = {}
    if trainer["accelerator"] in ("gpu", "cuda") and gpus() < wanted:
        here |= {"accelerator": "auto", "devices": 1, "strategy": "auto"}
    on_cpu = trainer["accelerator"] == "cpu" or not gpus()
    if on_cpu and str(trainer["precision"]).startswith("16"):
        here["precision"] = "bf16-mixed"
    changes = ", ".join(f"trainer.{name}={value}" for name, value in here.items() if trainer[name] != value)
    if not changes:
        return dict(config), None
    why = "on the CPU" if trainer["accelerator"] == "cpu" else f"{gpus()} GPUs here, so"
    return {**config, "trainer": {**trainer, **here}}, f"{why} the rehearsal does without: {changes}"


def _started_from_outside() -> bool:
    """Whether torchrun or Slurm started a process per device already."""
    return "TORCHELASTIC_RUN_ID" in os.environ or int(os.environ.get("SLURM_NTASKS", "1")) > 1
