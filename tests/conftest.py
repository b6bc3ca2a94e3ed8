import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

from pathlib import Path

import pytest
import torch
from hypothesis import settings

from fsqa import footprint
from tests.builders import characters, learned

torch.set_num_threads(1)
settings.register_profile("fsqa", deadline=None, derandomize=True, database=None)
settings.load_profile("fsqa")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and weights beside the checkout."""
    folder = Path(__file__).parents[1].parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared")
    return folder


@pytest.fixture(scope="session")
def character_tokenizer():
    """Every character is one token; 0 starts a row, 1 ends it, 2 is filler."""
    return characters()


@pytest.fixture(scope="session")
def learned_tokenizer():
    """A byte-level BPE learned from a few questions."""
    return learned()


@pytest.fixture(autouse=True)
def tables_shown_afresh():
    """A process shows a table of parameters once; every test is a process of its own."""
    footprint._shown.clear()
