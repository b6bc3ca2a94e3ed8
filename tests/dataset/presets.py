"""Datasets as their presets make them, and what they hold."""

from collections import Counter
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fsqa.config.check import check_node
from fsqa.config.instantiate import build
from fsqa.errors import InputError
from fsqa.types import SPLITS

CONF = Path(__file__).parents[2] / "conf"


def preset(name, path, *overrides):
    """Make the dataset that ``dataset=NAME dataset.path=PATH`` makes, with further keys changed."""
    with initialize_config_dir(str(CONF), version_base=None):
        changes = [f"++dataset.{override}" for override in overrides]
        node = OmegaConf.to_container(compose(overrides=[f"+dataset={name}", *changes]).dataset)
    node["path"] = path and str(path)
    check_node("", {"dataset": node}, [])
    return build(node)


def read(dataset, split="train"):
    """Return the records of a split, and what was left out."""
    dropped = Counter()
    return list(dataset.records(split, dropped)), dict(dropped)


def counts(dataset):
    """Return how many records each split has, in the order train, validation, test."""
    return tuple(len(read(dataset, split)[0]) for split in SPLITS)


def error(dataset, split="train"):
    """Return the message of the InputError that reading the split raises, without the folder of the file."""
    with pytest.raises(InputError) as caught:
        read(dataset, split)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{Path(dataset.path).parent}/", "")
