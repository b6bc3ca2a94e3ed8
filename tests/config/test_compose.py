"""Every option and experiment of ``conf`` composes into a config that passes the check."""

from itertools import product
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from fsqa.config.check import ALLOWED, GROUPS, RUNTIME, check_config
from fsqa.config.compose import compose_config, config_folder, own_folder, parse
from fsqa.config.instantiate import build
from fsqa.config.signature import signature
from fsqa.errors import InputError

CONF = Path(__file__).parents[2] / "conf"
OPTIONS = sorted((path.parent.name, path.stem) for path in CONF.glob("*/*.yaml") if path.parent.name in GROUPS)
QUANTIZATIONS = sorted(path.stem for path in (CONF / "quantization").glob("*.yaml"))
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
MISSING = {
    "dataset.path": "data.jsonl",
    "model.path": "model",
    "metrics.ranking.rankers.embedding.path": "embedding",
    "metrics.similarity.model.path": "embedding",
}
"""Values for what an option leaves to the user."""
GRIDS = {
    "loss_ablation": 12,
    "learning_rate": 15,
    "smoothing": 15,
    "lora_rank": 21,
    "full_vs_lora_vs_freeze": 27,
    "atlas_refusals": 3,
}
"""How many runs an experiment that is a grid has."""
BESIDE = {
    "prompt=text": ["experiment=language_model"],
    "objective=language_model": ["experiment=language_model"],
    "prompt=tagged_text": ["generation.stop='<END>'"],
    "generation=none": ["experiment=language_model"],
    "objective=masked": ["experiment=bert_nq_open"],
    "generation=fill": ["experiment=bert_nq_open"],
    "objective=extractive": ["experiment=distilbert_squad"],
    "loss=span": ["experiment=distilbert_squad"],
    "generation=span": ["experiment=distilbert_squad"],
    "generation=span_or_none": ["experiment=distilbert_squad"],
}
"""What else must be chosen with an option that does not go with the defaults."""


def composed(*overrides: str):
    cfg = compose_config(overrides)
    given = [f"{key}={MISSING[key]}" for key in OmegaConf.missing_keys(cfg)]
    return check_config(compose_config([*overrides, *given]))


def composed_with(group: str, option: str):
    return composed(*BESIDE.get(f"{group}={option}", []), f"{group}={option}")


def targets(node: object, path: str = ""):
    if isinstance(node, dict):
        if "_target_" in node:
            yield path, node
        for key, child in node.items():
            yield from targets(child, f"{path}.{key}" if path else key)


def test_the_folder_is_the_checkouts():
    assert config_folder() == CONF


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option(group, option):
    config = composed_with(group, option)
    assert set(GROUPS) <= set(config)


@pytest.mark.parametrize("option", QUANTIZATIONS)
def test_quantization_is_chosen_for_finished_runs(option):
    node = compose_config([f"quantization={option}"], name="evaluate").quantization
    assert node == {"_target_": "fsqa.model.quantization.Quantization", "kind": option}
    assert set(signature(node["_target_"]).parameters) == {"kind"}
    with pytest.raises(InputError, match=r"quantization: fsqa train has no such choice; .* fsqa evaluate RUN"):
        compose_config([f"quantization={option}"])


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("rehearse", [False, True])
def test_experiment(experiment, rehearse):
    config = composed(f"experiment={experiment}", f"rehearse={str(rehearse).lower()}")
    assert config["study"] == experiment


def grid_of(experiment: str) -> list[tuple[str, ...]]:
    """The overrides of every run of a grid; none of a single run, nor of a search."""
    content = yaml.safe_load((CONF / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8"))
    params = content.get("hydra", {}).get("sweeper", {}).get("params", {})
    swept = parse([f"{key}={choices}" for key, choices in params.items()])
    if not swept or not all(each.is_discrete_sweep() for each in swept):
        return []
    return list(product(*([f"{each.key_or_group}={v}" for v in each.sweep_string_iterator()] for each in swept)))


@pytest.mark.parametrize(("experiment", "runs"), GRIDS.items())
def test_grid_of_an_experiment(experiment, runs):
    """It expands to as many runs as its file says, in cells of three seeds, and every cell can work."""
    grid = grid_of(experiment)
    assert len(set(grid)) == len(grid) == runs
    text = (CONF / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")
    assert f"{runs} runs." in " ".join(text.replace("\n#", " ").split())
    assert yaml.safe_load(text)["hydra"]["mode"] == "MULTIRUN"
    configs = []
    for cell, first in enumerate(range(0, runs, 3)):
        *others, seed = grid[first + cell % 3]  # every cell once, with another seed each time
        assert [run[-1] for run in grid[first : first + 3]] == ["seed=0", "seed=1", "seed=2"]
        configs.append(check_config(compose_config([f"experiment={experiment}", *others, seed])))
        del configs[-1]["seed"]
    assert len({str(config) for config in configs}) == runs / 3


def test_every_grid_is_counted():
    assert {experiment for experiment in EXPERIMENTS if grid_of(experiment)} == set(GRIDS)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_key_is_a_parameter_and_every_parameter_a_key(group, option):
    for path, node in targets(composed_with(group, option)[group], group):
        target = node["_target_"]
        known = signature(target)
        assert known is not None, f"{target} cannot be read from its source"
        keys = {key for key in node if not key.startswith("_")}
        assert known.open or keys <= set(known.parameters), path
        late = next((names for start, names in RUNTIME.items() if path.startswith(start)), ())
        given = keys | set(late) | ({"params"} if node.get("_partial_") else set())
        assert known.required <= given, path
        if target.startswith("fsqa."):
            assert set(known.parameters) - set(late) == keys, f"{path}: every choice of ours stands in the YAML"


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_target_can_be_imported(group, option):
    for _, node in targets(composed_with(group, option)[group], group):
        assert node["_target_"].split(".")[0] in ALLOWED
        build({"_target_": node["_target_"], "_partial_": True})


def test_every_option_says_what_it_is():
    for path in CONF.rglob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith("# "), path


def test_own_configs_stand_beside_the_packages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert own_folder() is None
    folder = tmp_path / "conf" / "loss"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("defaults: [answer]\nsmoothing: 0.25\n", encoding="utf-8")
    assert own_folder() == tmp_path / "conf"
    config = check_config(compose_config(["loss=mine"]))
    assert config["loss"]["smoothing"] == 0.25
    assert config["loss"]["weights"] == {"prompt": 0, "context": 0, "answer": 1, "end": 0}
    with pytest.raises(InputError, match="did you mean 'mine'"):
        compose_config(["loss=mime"])


def test_override_order_and_group_choice():
    config = check_config(compose_config(["loss.smoothing=0.2", "loss=balanced"]))
    assert config["loss"]["_target_"] == "fsqa.loss.BalancedKL"
    assert config["loss"]["smoothing"] == 0.2


def test_accumulation_follows_from_the_batch_size():
    assert check_config(compose_config(["batch_size=48"]))["micro_batch_size"] == 48


def test_a_key_whose_value_is_missing_is_a_key():
    assert compose_config(["dataset=jsonl", "dataset.path=x"]).dataset.path == "x"


def test_new_keys_need_a_plus():
    assert compose_config(["+model.size.intermediate_size=3"]).model.size.intermediate_size == 3
    with pytest.raises(InputError, match=r"write \+model.size.hidden_size="):
        compose_config(["model=scratch", "model.size.hidden_size=3"])


def test_sweeps_are_checked_in_every_choice():
    compose_config(["loss=all,answer", "seed=0,1"])
    compose_config(["seed=range(3)", "optimizer.lr=interval(0.1,0.2)"])
    with pytest.raises(InputError, match="did you mean 'answer'"):
        compose_config(["loss=all,answre"])


def test_parse_tells_the_word_that_is_wrong():
    with pytest.raises(InputError, match="'seed' cannot be read"):
        parse(["loss=all", "seed"])
