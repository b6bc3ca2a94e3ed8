"""A model on flat tokens gives what it gives on padded rows: every logit, every gradient, every architecture."""

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM

from fsqa.config.compose import compose_config
from fsqa.config.instantiate import build
from fsqa.model.shrink import shrunk_sizes
from fsqa.speed import flat
from fsqa.speed.flat import MASK_TOKENS, PLAIN_TIME, fits_flat, flat_layout, flat_logits, has_dropout, supports_flat
from fsqa.types import Role
from tests.builders import CONF, apart, gradient, learned
from tests.speed.architectures import widened

PAD = 2
WORDS = 300
LENGTHS = (14, 1, 9, 20, 3, 9, 17)
PRESETS = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
NO_DECODERS = {"bert_base_uncased", "distilbert"}
NO_MODELS = {"pretrained", "scratch"}
OTHERS = {
    "granite": {},
    "llama": {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16},
    "mistral": {"sliding_window": 6},
    "olmo2": {},
    "phi": {},
    "qwen2": {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    "smollm3": {},
}
"""Architectures without a preset, or settings that no preset has; the tiny sizes go before these."""


def sized(architecture, **changes):
    """A tiny model of an architecture of transformers."""
    tiny = shrunk_sizes(CONFIG_MAPPING[architecture](**changes))
    config = AutoConfig.for_model(architecture, **{**tiny, "vocab_size": WORDS, "pad_token_id": PAD, **changes})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config)


@cache
def rehearsed(preset):
    source = build(compose_config([f"model={preset}"]).model)
    return source if preset == "tiny_gpt_neo" else source.shrunk()


def decoders():
    """Presets, those that come to the same tiny model only once, and the other architectures."""
    kinds = {}
    for preset in PRESETS:
        if preset not in NO_DECODERS | NO_MODELS | {"bloom_560m"}:
            kinds.setdefault(repr(rehearsed(preset)), preset)
    return [*sorted(kinds.values()), *(f"{architecture}+" for architecture in OTHERS)]


def tiny(name, monkeypatch=None, window=None):
    """A tiny model in double precision without dropout, its words stretched apart.

    What architectures compute in single precision whatever the model (norms, attention scores) is widened too.
    """
    if name.endswith("+"):
        model = sized(name[:-1], **OTHERS[name[:-1]])
    else:
        model = rehearsed(name).model(learned(), 64, seed=0)
    if window:
        model = sized(model.config.model_type, **{**shrunk_sizes(model.config), "window_size": window})
    if monkeypatch:
        widened(model, monkeypatch)
    for module in model.modules():
        for attribute in [name for name, value in vars(module).items() if isinstance(value, float)]:
            if "drop" in attribute or isinstance(module, torch.nn.Dropout):
                setattr(module, attribute, 0.0)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in model.parameters():
            parameter.copy_(parameter * 3 + 0.05 * torch.randn_like(parameter))
    return model.double().train()


def padded(rows):
    """Ids and roles of rows of numbers."""
    time = max(map(len, rows))
    ids = torch.tensor([[*row, *[PAD] * (time - len(row))] for row in rows])
    roles = torch.tensor([[Role.PROMPT] * len(row) + [Role.PAD] * (time - len(row)) for row in rows])
    return ids, roles


def rows_of(lengths=LENGTHS, common=0, seed=0):
    """Rows of random words; every other one begins with the same ``common`` words."""
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randint(3, WORDS, (length,), generator=generator).tolist() for length in lengths]
    return [rows[0][:common] + row[common:] if i % 2 == 0 else row for i, row in enumerate(rows)]


CASES = {
    "different": rows_of(),
    "sharing": rows_of(common=7),
    "one row": rows_of((11,)),
    "one word": [[5]],
    "equal lengths": rows_of((8, 8, 8)),
    "identical": rows_of((9,)) * 4,
    "prefixes": [rows_of((18,))[0][:length] for length in (5, 18, 1, 5, 12)],
    "filler is a word": [[PAD, 7, PAD], [PAD], [PAD, 7, PAD, PAD, 9]],
}


def on_rows(model, ids, roles):
    return model(input_ids=ids, attention_mask=(roles != Role.PAD).long(), use_cache=False).logits[roles != Role.PAD]


def on_flat(model, ids, roles, share):
    layout = flat_layout(ids, roles, share=share)
    assert fits_flat(model, layout)
    logits = flat_logits(model, layout).logits
    assert logits.shape[:2] == (1, layout.tokens)
    return logits[0, layout.padded[roles != Role.PAD]]


def learned_from(model, logits):
    """The gradient of a sum of logits, each with a weight of its own."""
    weights = torch.randn(logits.shape, dtype=logits.dtype, generator=torch.Generator().manual_seed(3))
    model.zero_grad()
    (logits * weights).sum().backward()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return gradient(model).clone()


def assert_same(model, rows, share):
    """Every logit, and the gradient of every parameter by itself."""
    ids, roles = padded(rows)
    plain = on_rows(model, ids, roles)
    learned_from(model, plain)
    wanted = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    fast = on_flat(model, ids, roles, share)
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-10)
    learned_from(model, fast)
    largest = max(float(grad.norm()) for grad in wanted.values())
    assert largest > 0
    for name, parameter in model.named_parameters():
        distance = float((parameter.grad - wanted[name]).norm())
        assert distance <= 1e-9 * float(wanted[name].norm()) + 1e-15 * largest, name


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("name", decoders())
def test_every_architecture(name, share, monkeypatch):
    model = tiny(name, monkeypatch, window=128 if share and "neo_1" in name else None)
    assert supports_flat(model)
    assert not has_dropout(model)
    assert_same(model, CASES["sharing"], share and fits_flat(model, layout_of("sharing", share)))


def layout_of(case, share):
    return flat_layout(*padded(CASES[case]), share=share)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["qwen2_0_5b", "gpt_neo_125m", "phi3_5_mini_instruct"])
def test_every_shape(name, case, share, monkeypatch):
    assert_same(tiny(name, monkeypatch, window=128 if "neo" in name else None), CASES[case], share)


def test_every_architecture_of_the_presets_was_there():
    kinds = {tiny(name).config.model_type for name in decoders()}
    assert kinds == flat.BY_ATTENTION | flat.BY_MASK


@pytest.mark.parametrize("name", ["smollm_135m", "mistral+"])
def test_rows_beyond_plain_products(name):
    assert_same(tiny(name), rows_of((PLAIN_TIME + 9, 4, 30)), share=False)


@pytest.mark.parametrize("name", decoders())
def test_blocks_that_are_computed_again(name, monkeypatch):
    """The recomputation takes place in the backward pass, when the model attends as before again."""
    model = tiny(name, monkeypatch)
    ids, roles = padded(CASES["different"])
    wanted = learned_from(model, on_rows(model, ids, roles))
    model.activation_checkpointing_enable({"use_reentrant": False})
    functions = [vars(module).get("_gradient_checkpointing_func") for module in model.modules()]
    calls = []
    block = next(module for module in model.modules() if isinstance(module, torch.nn.ModuleList))[0]
    part = next(module for module in block.modules() if isinstance(module, torch.nn.LayerNorm) or "Norm" in str(module))
    next(part.children(), part).register_forward_hook(lambda *_: calls.append(1))
    logits = on_flat(model, ids, roles, share=False)
    assert functions == [vars(module).get("_gradient_checkpointing_func") for module in model.modules()]
    before = len(calls)
    assert apart(learned_from(model, logits), wanted) < 1e-9
    assert len(calls) == 2 * before > 0
    assert apart(learned_from(model, on_rows(model, ids, roles)), wanted) < 1e-12


@pytest.mark.parametrize("name", ["gpt2", "gpt_neo_125m", "opt_350m", "phi3_5_mini_instruct"])
def test_adapters(name, monkeypatch):
    model = get_peft_model(
        tiny(name, monkeypatch, 128 if "neo" in name else None), LoraConfig(target_modules="all-linear")
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    model.double().train()
    assert supports_flat(model)
    assert_same(model, CASES["sharing"], share=True)


@pytest.mark.parametrize("share", [False, True])
def test_the_order_of_rows_makes_no_difference(share):
    model, rows = tiny("smollm_135m"), CASES["sharing"]
    first = on_flat(model, *padded(rows), share).split([len(row) for row in rows])
    last = on_flat(model, *padded(rows[::-1]), share).split([len(row) for row in rows[::-1]])
    for one, other in zip(first, last[::-1], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["gpt2", "gpt_neo_125m"])
def test_nothing_is_left_behind(name):
    """Not after a call, and not after one that fails."""
    model, (ids, roles) = tiny(name).eval(), padded(CASES["different"])
    attention = model.config._attn_implementation
    plain = on_rows(model, ids, roles)
    answer = model.generate(ids[:1, :5], max_new_tokens=4, do_sample=False)
    layout = flat_layout(ids, roles, share=False)
    flat_logits(model, layout)
    with pytest.raises(IndexError):
        flat_logits(model, flat_layout(ids + WORDS, roles, share=False))
    assert model.config._attn_implementation == attention
    assert torch.equal(on_rows(model, ids, roles), plain)
    assert torch.equal(model.generate(ids[:1, :5], max_new_tokens=4, do_sample=False), answer)


@pytest.mark.parametrize("name", ["gpt2", "smollm_135m", "pythia_70m"])
def test_mixed_precision_is_no_coarser_than_on_rows(name):
    model, (ids, roles) = tiny(name).float(), padded(CASES["different"])
    wanted = learned_from(model, on_rows(model, ids, roles))
    with torch.autocast("cpu", torch.bfloat16):
        rows, fast = on_rows(model, ids, roles), on_flat(model, ids, roles, share=False)
    error = apart(learned_from(model, rows.float()), wanted)
    assert 1e-4 < apart(learned_from(model, fast.float()), wanted) < 1.3 * error


def test_attention_drops_what_the_model_wants_dropped():
    model, (ids, roles) = tiny("smollm_135m"), padded(CASES["different"])
    whole = on_flat(model, ids, roles, share=False)
    for module in model.modules():
        if hasattr(module, "attention_dropout"):
            module.attention_dropout = 0.5
    assert has_dropout(model)
    assert not torch.equal(on_flat(model, ids, roles, share=False), whole)
    assert torch.equal(on_flat(model.eval(), ids, roles, share=False), whole)


def test_dropout_is_seen_wherever_it_is_kept():
    assert has_dropout(rehearsed("gpt2").model(learned(), 64, seed=0))
    assert has_dropout(rehearsed("opt_125m").model(learned(), 64, seed=0))
    plain = rehearsed("gpt_neo_125m").model(learned(), 64, seed=0)
    assert not has_dropout(plain)
    assert has_dropout(get_peft_model(plain, LoraConfig(target_modules="all-linear", lora_dropout=0.1)))


def test_refused():
    assert not supports_flat(rehearsed("bloom_560m").model(learned(), 64, seed=0))
    assert not supports_flat(sized("gemma2"))
    assert not supports_flat(sized("gpt2", reorder_and_upcast_attn=True))
    assert supports_flat(sized("gpt2"))
    compiled = sized("gpt2")
    compiled.transformer.h[0].compile()
    assert not supports_flat(compiled)
    divided = sized("llama")
    divided.model.layers[0].self_attn.config = CONFIG_MAPPING["llama"]()
    assert not supports_flat(divided)


def test_what_a_mask_can_hold():
    local, everywhere, registry = tiny("gpt_neo_125m"), tiny("gpt_j_6b"), tiny("gpt2")
    long, shared = flat_layout(*padded(rows_of((40,) * 13)), share=False), layout_of("sharing", share=True)
    assert long.tokens > MASK_TOKENS
    assert not fits_flat(local, long)
    assert not fits_flat(everywhere, long)
    assert fits_flat(registry, long)
    assert shared.tokens > local.config.window_size
    assert not fits_flat(local, shared)
    assert fits_flat(everywhere, shared)
    assert fits_flat(local, layout_of("sharing", share=False))


WORD = st.integers(3, 5)


@given(st.lists(st.lists(WORD, min_size=1, max_size=7), min_size=1, max_size=9), st.booleans())
def test_a_layout_holds_each_beginning_once(rows, share):
    ids, roles = padded(rows)
    layout = flat_layout(ids, roles, share=share)
    real = roles != Role.PAD
    beginnings = [tuple(row[: t + 1]) for row in rows for t in range(len(row))]
    assert layout.tokens == (len(set(beginnings)) if share else len(beginnings))
    assert layout.shared == (layout.tokens < len(beginnings))
    assert torch.equal(layout.ids[0, layout.padded[real]], ids[real])
    assert layout.positions[0, layout.padded[real]].tolist() == [len(beginning) - 1 for beginning in beginnings]
    assert torch.equal(layout.padded.view(-1)[layout.place], torch.arange(layout.tokens))
    assert not layout.padded[~real].any()
    numbers = layout.padded[real].tolist()
    if share:
        assert len(set(zip(numbers, beginnings, strict=True))) == layout.tokens
    for row, tokens in zip(layout.padded.tolist(), rows, strict=True):
        assert row[: len(tokens)] == sorted(set(row[: len(tokens)]))


def test_a_row_may_be_empty():
    """As when only the tokens that predict something are laid out."""
    ids, roles = padded([[4, 5, 6], [7]])
    layout = flat_layout(ids[:, :-1], roles[:, 1:], share=True)
    assert layout.ids.tolist() == [[4, 5]]
    assert layout.padded.tolist() == [[0, 1], [0, 0]]
