from functools import partial
from types import SimpleNamespace

import pytest
import torch
import yaml
from transformers import DistilBertConfig, DistilBertForMaskedLM

from fsqa.config.assemble import assemble_optimizer
from fsqa.errors import InputError
from fsqa.optimizer import ParameterGroups
from fsqa.optimizer.parameter_groups import GroupedOptimizer
from fsqa.scheduler.warmup import Constant
from tests.builders import CONF, batch, configured, tiny_model

OPTIMIZERS = sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml"))


def encoder():
    sizes = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2, "vocab_size": 103}
    return DistilBertForMaskedLM(DistilBertConfig(**sizes, max_position_embeddings=64))


def adapted():
    tuning = configured("tuning", "lora")
    return tuning(tiny_model("llama"))


MODELS = {
    "gpt2": lambda: tiny_model("gpt2"),
    "llama": lambda: tiny_model("llama"),
    "opt": lambda: tiny_model("opt"),
    "distilbert": encoder,
    "lora": adapted,
}


def groups_of(model, layer_decay=None, decay_norms_and_biases=False):
    return ParameterGroups(decay_norms_and_biases=decay_norms_and_biases, layer_decay=layer_decay)(model)


def rates_by_name(model, groups):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(parameter)]: group["rate"] for group in groups for parameter in group["params"]}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("layer_decay", [None, 0.5])
@pytest.mark.parametrize("decay_norms_and_biases", [False, True])
def test_every_trainable_parameter_is_in_one_group(kind, layer_decay, decay_norms_and_biases):
    """Tied ones too: ``parameters()`` has them once."""
    model = MODELS[kind]()
    held = [id(p) for group in groups_of(model, layer_decay, decay_norms_and_biases) for p in group["params"]]
    wanted = [id(p) for p in model.parameters() if p.requires_grad]
    assert len(set(held)) == len(held)
    assert sorted(held) == sorted(wanted)


def test_norms_and_biases_are_spared():
    model = tiny_model("gpt2")
    decaying, spared = groups_of(model)
    assert "weight_decay" not in decaying
    assert spared["weight_decay"] == 0.0
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)].split(".")[-2] for p in decaying["params"]} == {"wte", "wpe", "c_attn", "c_proj", "c_fc"}
    assert all(names[id(p)].endswith(".bias") or ".ln_" in names[id(p)] for p in spared["params"])


def test_all_may_decay():
    (group,) = groups_of(tiny_model("gpt2"), decay_norms_and_biases=True)
    assert "weight_decay" not in group


def test_layer_decay_counts_from_the_head():
    model = tiny_model("llama")
    rates = rates_by_name(model, groups_of(model, layer_decay=0.5))
    assert rates["lm_head.weight"] == rates["model.norm.weight"] == 1.0
    assert {rate for name, rate in rates.items() if ".layers.1." in name} == {0.5}
    assert {rate for name, rate in rates.items() if ".layers.0." in name} == {0.25}
    assert rates["model.embed_tokens.weight"] == 0.125


def test_the_optimizer_gets_rates_and_decays_by_group():
    """With gradients of 0, plain SGD moves a weight by lr x rate x decay x weight."""
    model = tiny_model("llama")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    groups = ParameterGroups(decay_norms_and_biases=False, layer_decay=0.5)
    optimizer = GroupedOptimizer(partial(torch.optim.SGD, lr=0.1, weight_decay=0.2), groups)(model)
    assert optimizer.param_groups[0]["lr"] == 0.1
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    rates = rates_by_name(model, groups(model))
    for name, parameter in model.named_parameters():
        decay = 0.0 if "norm" in name else 0.2
        torch.testing.assert_close(parameter, before[name] * (1 - 0.1 * rates[name] * decay), msg=name)


@pytest.mark.parametrize("layer_decay", [0, -0.5, 1.5])
def test_refused(layer_decay):
    with pytest.raises(
        InputError, match=r"optimizer\.params\.layer_decay: wanted a factor above 0, at most 1, or null"
    ):
        ParameterGroups(decay_norms_and_biases=False, layer_decay=layer_decay)


def objective(model, optimizer, clip=None, scaler=None):
    from fsqa.objective.causal_module import CausalModule

    of = CausalModule(model=model, loss=configured("loss", "all"), optimizer=optimizer, scheduler=Constant(warmup=0))
    plugin = SimpleNamespace(scaler=scaler)
    of.trainer = SimpleNamespace(estimated_stepping_batches=100, precision_plugin=plugin, gradient_clip_val=clip)
    return of


def optimizer_of(name, **changes):
    node = yaml.safe_load((CONF / "optimizer" / f"{name}.yaml").read_text(encoding="utf-8"))
    return assemble_optimizer({**node, **changes})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_the_configs_learns(name):
    model = tiny_model("llama")
    optimizer = optimizer_of(name)
    of = objective(model, optimizer)
    made = of.configure_optimizers()
    rows, losses = batch("pppppppaaae", "pae", "pccaae"), []
    for _ in range(12):
        loss = of.weighted_loss(rows).loss
        losses.append(loss.item())
        made["optimizer"].zero_grad()
        loss.backward()
        made["optimizer"].step()
        made["lr_scheduler"]["scheduler"].step()
    assert losses[-1] < 0.98 * losses[0]


def test_eight_bits_are_eight_bits():
    model = torch.nn.Linear(128, 64, bias=False)
    optimizer = optimizer_of("adamw_8bit")(model)
    model(torch.ones(1, 128)).sum().backward()
    optimizer.step()
    state = optimizer.state[model.weight]
    assert state["state1"].dtype == state["state2"].dtype == torch.uint8


def test_a_config_that_says_nothing_of_groups_spares_norms_and_biases():
    model = tiny_model("gpt2")
    optimizer = assemble_optimizer({"_target_": "torch.optim.RMSprop", "_partial_": True, "weight_decay": 0.3})(model)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.3, 0.0]


@pytest.mark.parametrize("fused", [True, False])
def test_scaled_gradients_are_clipped_by_their_true_norm(fused):
    """What float16 does on a GPU, with a scale that the CPU can work with: the scale changes nothing."""
    weights = []
    for scale in (None, 2.0**10):
        model = tiny_model("gpt2")
        scaler = None if scale is None else torch.amp.GradScaler("cpu", init_scale=scale)
        of = objective(model, partial(torch.optim.AdamW, lr=0.01, fused=fused, foreach=False), scaler=scaler)
        optimizer = of.configure_optimizers()["optimizer"]
        loss = of.weighted_loss(batch("pppppppaaae", "pae", "pccaae")).loss
        (loss if scaler is None else scaler.scale(loss)).backward()
        if scaler is not None and not fused:
            scaler.unscale_(optimizer)  # as Lightning does for optimizers that cannot do it themselves
        of.configure_gradient_clipping(optimizer, gradient_clip_val=0.1)
        clipped = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
        assert clipped.item() == pytest.approx(0.1, rel=1e-4)
        weights.append((of.figures.grad_norm.item(), clipped))
        optimizer.step() if scaler is None else scaler.step(optimizer)
        weights.append([p.detach().clone() for p in model.parameters()])
    (norm, _), plain, (scaled_norm, _), scaled = weights
    assert scaled_norm == pytest.approx(norm, rel=1e-5)
    for left, right in zip(plain, scaled, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-7)


def test_without_a_limit_nothing_is_clipped_or_measured():
    model = tiny_model("gpt2")
    of = objective(model, partial(torch.optim.SGD, lr=0.1))
    of.weighted_loss(batch("ppae")).loss.backward()
    before = [p.grad.clone() for p in model.parameters()]
    of.configure_gradient_clipping(of.configure_optimizers()["optimizer"], gradient_clip_val=None)
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), before, strict=True))
    assert of.figures.finite_norms == 0


def test_norms_that_overflowed_do_not_count():
    of = objective(tiny_model("gpt2"), partial(torch.optim.SGD, lr=0.1))
    for norm in (1.0, torch.inf, 3.0, torch.nan):
        of.figures.add_norm(torch.tensor(norm))
    assert (of.figures.grad_norm.item(), of.figures.finite_norms.item()) == (4.0, 2.0)
