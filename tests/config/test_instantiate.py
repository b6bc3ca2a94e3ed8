import pytest
from omegaconf import OmegaConf

from fsqa.config.compose import compose_config
from fsqa.config.instantiate import build
from fsqa.errors import InputError
from fsqa.loss import SmoothedKL

LOSS = {"_target_": "fsqa.loss.SmoothedKL", "smoothing": 0.1, "weights": {"answer": 1}, "mean": "example"}


def test_an_object():
    loss = build(LOSS)
    assert isinstance(loss, SmoothedKL)
    assert type(loss.weights) is dict


def test_what_only_a_run_knows():
    assert build({"_target_": "fsqa.errors.InputError"}).args == ()
    assert build({"_target_": "fsqa.model.build.torch_dtype"}, name="float32").is_floating_point


def test_a_partial_stays_a_function():
    import torch

    make = build({"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.5})
    assert make([torch.zeros(1, requires_grad=True)]).param_groups[0]["lr"] == 0.5


def test_a_dataclass_among_the_arguments_stays_itself():
    loss = build(LOSS)
    objective = build(
        {"_target_": "fsqa.objective.causal_module.CausalModule"}, model=None, loss=loss, optimizer=None, scheduler=None
    )
    assert objective.loss is loss


def test_own_classes_tell_what_is_wrong_themselves():
    with pytest.raises(InputError, match=r"^loss.smoothing: wanted a number in \[0, 1\), got 2"):
        build({**LOSS, "smoothing": 2})


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"_target_": "torch.optim.SDG"}, "torch.optim.SDG: Error locating target 'torch.optim.SDG'"),
        ({"_target_": "torch.nn.Linear", "in_features": 1}, "torch.nn.Linear refuses these settings: .*out_features"),
        ({"_target_": "torch.nn.Dropout", "p": 2}, "torch.nn.Dropout refuses these settings: dropout probability"),
        ({"_target_": "pytorch_lightning.Trainer", "max_steps": -3}, "Trainer refuses these settings: `max_steps`"),
    ],
)
def test_what_another_library_refuses_is_input(node, told):
    with pytest.raises(InputError, match=told) as caught:
        build(node)
    assert "\n" not in str(caught.value)
    assert "HYDRA_FULL_ERROR" not in str(caught.value)


def test_a_bug_of_ours_is_no_input_error():
    with pytest.raises(TypeError):
        build({"_target_": "fsqa.errors.did_you_mean"}, word=3, known=4)


def test_what_a_dataset_within_another_refuses_is_told_by_its_own_key():
    cfg = compose_config(["dataset=atlas_augmented", "dataset@dataset.questions=atlas_with_refusals"])
    node = OmegaConf.to_container(cfg.dataset, resolve=True)
    node["questions"]["off_topic"]["holdout"]["test"] = -1
    with pytest.raises(InputError, match=r"^dataset\.questions\.off_topic\.holdout"):
        build(node)
