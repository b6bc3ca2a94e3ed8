import pytest

from benchmarks.fsqa_train import words
from benchmarks.variants import TRICKS_OFF, Job, by_default, can_race, read_variant
from fsqa.config.check import check_config
from fsqa.config.compose import compose_config
from fsqa.errors import InputError
from fsqa.files import write_text
from tests.model.test_pretrained import save


def job(**values):
    plain = {
        "variant": "fsqa:tuning.targets=[q_proj,v_proj],seed=1",
        "model": "small",
        "workload": "answers",
        "prepared": "prepared",
        "scratch": "scratch",
        "device": "cpu",
        "precision": "fp32",
        "strategy": "answer_end",
        "threads": 1,
        "batch_size": 8,
        "warm_up": 3,
    }
    return Job(**plain | values)


def test_switches_are_parted_outside_brackets():
    assert job().chosen.options == ("tuning.targets=[q_proj,v_proj]", "seed=1")


def test_a_job_reads_what_it_wrote():
    assert Job.read(job().text()) == job()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("workload", ["answers", "blocks", "lora"])
def test_who_races_by_default_can_race(workload, device):
    variants = can_race(by_default(workload, device), workload)
    assert variants[0].spec == "fsqa"
    assert {"hf", "trl"} <= {variant.name for variant in variants}
    assert all(variant.told for variant in variants)


def test_blocks_have_no_other_loss_or_packing():
    with pytest.raises(InputError, match="packed and not smoothed"):
        can_race(["trl:same_loss"], "blocks")


def test_a_peer_is_told_with_its_defaults_only_where_it_has_them():
    assert "defaults" in read_variant("trl:process").told
    assert "defaults" not in read_variant("trl:padding_free,process").told


@pytest.mark.parametrize(
    ("spec", "told"),
    [("fqa", "did you mean 'fsqa'"), ("hf:proces", "did you mean 'process'"), ("lightning:packing", "has no switch")],
)
def test_unknown_variants_are_refused_with_the_nearest(spec, told):
    with pytest.raises(InputError, match=told):
        read_variant(spec)


def test_the_base_races_first_and_once():
    assert [v.spec for v in can_race(["hf", "fsqa", "hf", "trl"], "answers")] == ["fsqa", "hf", "trl"]


def test_lightning_is_written_for_answers_alone():
    with pytest.raises(InputError, match="answers alone"):
        can_race(["lightning"], "blocks")


@pytest.fixture
def prepared(tmp_path):
    save(tmp_path / "model", "gpt_neo")
    row = '{"question": "who", "answer": "you", "text": "who you"}\n'
    for name in ("questions", "texts"):
        write_text(tmp_path / name / "train.jsonl", row)
    return tmp_path


@pytest.mark.parametrize("workload", ["answers", "blocks", "lora"])
def test_what_fsqa_is_told_composes_with_every_trick_off(prepared, workload):
    tricks = ",".join(option for spec in TRICKS_OFF for option in read_variant(spec).options)
    overrides = words(job(variant=f"fsqa:{tricks}", workload=workload, prepared=str(prepared)))
    config = check_config(compose_config(overrides))
    assert config["callbacks"]["turns"]["first"] == 8
    assert not any(config["speed"][name] for name in ("gradient_buffers", "padding_free", "kept_memory"))
    assert config["loss"]["mean"] == "token"
