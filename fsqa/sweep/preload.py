"""Everything heavy that a run needs, loaded once: the runs of a sweep start as copies of a process that has it."""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module

from fsqa.lean_imports import load_libraries

MODULES = (
    "accelerate",
    "bm25s",
    "huggingface_hub.serialization",
    "rich._emoji_codes",
    "transformers.generation.utils",
    "transformers.modeling_layers",
    "transformers.modeling_utils",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.safetensors_conversion",
    "fsqa.callbacks.answers",
    "fsqa.callbacks.progress",
    "fsqa.config.assemble",
    "fsqa.config.rehearse",
    "fsqa.fit",
    "fsqa.logger.tables",
    "fsqa.loss.pointwise_kl",
    "fsqa.memory",
    "fsqa.results",
    "fsqa.run_baselines",
    "fsqa.run_loggers",
)
"""What every run loads sooner or later, and what would cost each of them a third of a small run's start."""


def load() -> None:
    """Load the modules, and find out once what is the same for all runs of a sweep.

    What is there by then is left out of every later search for garbage, so that a copy neither walks through it nor
    writes to its pages, which it shares with the others.
    """
    gc.disable()  # looking for garbage costs a tenth of the loading, and finds none
    load_libraries()
    for name in MODULES:
        with suppress(ModuleNotFoundError):  # parts of other packages move; a run then loads them by itself
            import_module(name)
    _look_up()
    gc.collect()
    gc.freeze()
    gc.enable()


def _look_up() -> None:
    """Fill the memories that functions keep of what never changes while a sweep runs."""
    from fsqa.data.cache import key_of
    from fsqa.study.folder import installed_packages

    installed_packages()
    key_of()
    with suppress(ImportError):
        # transformers makes this table, a thousand regular expressions, when the first model is saved
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        get_checkpoint_conversion_mapping("")


load()
