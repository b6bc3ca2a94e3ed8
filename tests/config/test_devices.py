from pathlib import Path

import pytest
import torch

from fsqa.config import devices
from fsqa.config.check import check_config
from fsqa.config.compose import compose_config
from fsqa.config.devices import at_hand, device_count, home, micro_batch_size, rank, refuse_in_sweep
from fsqa.config.rehearse import rehearsed
from fsqa.errors import InputError

FORKED = ("trainer.accelerator=cpu", "trainer.strategy=ddp_fork", "trainer.devices=2")
EXTERNAL = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "SLURM_NTASKS", "TORCHELASTIC_RUN_ID")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in EXTERNAL:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def gpus(monkeypatch):
    """A machine with so many GPUs."""

    def machine(count):
        monkeypatch.setattr(devices, "gpus", lambda: count)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)

    return machine


def config(*words):
    return check_config(compose_config(words))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainer.devices=0"], "trainer.devices: wanted 1 or more, or -1 for all GPUs, got 0"),
        (["trainer.devices=two"], "trainer.devices: wanted 1 or more, or -1 for all GPUs, got 'two'"),
        (["+trainer.num_nodes=2"], "trainer.num_nodes=2: a run trains on one machine"),
        (["trainer.strategy=ddp_spawn", "trainer.devices=2"], "cannot be sent to a spawned process; take ddp"),
        (["trainer=gpu", "trainer.strategy=ddp_fork", "trainer.devices=2"], "a process that has used a GPU cannot be"),
        (["trainer=cpu", "trainer.devices=-1"], "trainer.devices=-1: the CPU is one device; say how many"),
        (["trainer.devices=3"], "batch_size=32 cannot be shared by 3 devices evenly; choose a multiple of 3"),
        (["trainer.devices=2", "batch_size=24", "micro_batch_size=8"],
         "batch_size=24 on 2 devices leaves 12 examples each, which is not a multiple of micro_batch_size=8"),
        (["optimizer.params.layer_decay=2"], "optimizer.params.layer_decay: wanted a factor above 0"),
        (["optimizer.params.decay=2"], "optimizer.params.decay"),
    ],
)  # fmt: skip
def test_what_a_config_is_refused_for(words, message):
    with pytest.raises(InputError) as refused:
        config(*words)
    assert message in str(refused.value)


def test_an_optimizer_that_sets_its_own_rate_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("conf/optimizer").mkdir(parents=True)
    text = "# Relative steps.\n_target_: transformers.optimization.Adafactor\n_partial_: true\nlr: null\n"
    Path("conf/optimizer/mine.yaml").write_text(text)
    with pytest.raises(InputError, match=r"optimizer\.lr: null leaves the learning rate to the optimizer"):
        config("optimizer=mine")


@pytest.mark.parametrize(
    ("words", "here", "count"),
    [
        ([], 0, 1),
        ([], 2, 1),
        (["trainer=gpu"], 2, 1),
        (["trainer=ddp"], 4, 4),
        (["trainer=ddp", "trainer.devices=auto"], 2, 2),
        (["trainer=fsdp"], 8, 8),
        (["trainer=ddp", "trainer.devices=2"], 4, 2),
        (FORKED, 0, 2),
        (FORKED, 1, 2),
    ],
)
def test_how_many_devices(gpus, words, here, count):
    gpus(here)
    assert device_count(config(*words)) == count


@pytest.mark.parametrize(
    ("words", "here", "message"),
    [
        (["trainer=gpu"], 0, "trainer.accelerator=gpu: there is no GPU here; take trainer=cpu, or rehearse=true"),
        (["trainer.precision=16-mixed"], 0, "trainer.precision=16-mixed: there is no GPU here, and on a CPU it would"),
        (["trainer=ddp", "trainer.devices=4"], 2, "trainer.devices=4: there are 2 GPUs here"),
        (["trainer=ddp"], 3, "batch_size=32 cannot be shared by 3 devices evenly"),
        (["trainer=deepspeed"], 2, "trainer.strategy=deepspeed_stage_2: the package deepspeed is missing; pip install"),
    ],
)
def test_what_this_machine_cannot_do(gpus, words, here, message):
    gpus(here)
    with pytest.raises(InputError) as refused:
        device_count(config(*words))
    assert message in str(refused.value)


@pytest.mark.parametrize(("micro", "number", "size"), [(32, 1, 32), (32, 4, 8), (8, 2, 8), (4, 8, 4), (2, 16, 2)])
def test_a_device_never_holds_more_than_its_share(micro, number, size):
    assert micro_batch_size({"batch_size": 32, "micro_batch_size": micro}, number) == size


@pytest.mark.parametrize(
    ("words", "environment", "wanted"),
    [
        ([], {"LOCAL_RANK": "3"}, 0),
        ([], {"SLURM_PROCID": "3", "SLURM_NTASKS": "8"}, 0),
        (FORKED, {"LOCAL_RANK": "1"}, 0),
        (["trainer=ddp"], {}, 0),
        (["trainer=ddp"], {"LOCAL_RANK": "1"}, 1),
        (["trainer=ddp"], {"LOCAL_RANK": "1", "RANK": "5"}, 5),
        (["trainer=fsdp"], {"SLURM_PROCID": "3", "SLURM_NTASKS": "8"}, 3),
        (["trainer=fsdp"], {"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "LOCAL_RANK": "2"}, 2),
    ],
)
def test_which_process_this_is(monkeypatch, words, environment, wanted):
    """What another tool left in the environment is nothing to a run that trains in one process."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert rank(config(*words)["trainer"]) == wanted


@pytest.mark.parametrize("words", [["trainer=ddp"], ["trainer=fsdp"], ["trainer.devices=2"], ["trainer.strategy=ddp"]])
def test_processes_that_would_start_a_sweep_again(monkeypatch, words):
    with pytest.raises(InputError, match="every further process would start the whole sweep again"):
        refuse_in_sweep(config(*words))
    monkeypatch.setenv("SLURM_NTASKS", "2")
    refuse_in_sweep(config(*words))


@pytest.mark.parametrize("words", [[], FORKED, ["trainer=gpu"]])
def test_processes_that_do_not(words):
    refuse_in_sweep(config(*words))


def test_every_process_holds_its_model_on_its_own_gpu(gpus, monkeypatch):
    gpus(2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert home(config("trainer=ddp")["trainer"]) == torch.device("cuda", 1)
    assert home(config("trainer=gpu")["trainer"]) == torch.device("cuda")
    assert home(config("trainer=cpu")["trainer"]) == torch.device("cpu")
    gpus(0)
    assert home(config("trainer=ddp")["trainer"]) == torch.device("cpu")


@pytest.mark.parametrize("option", ["gpu", "ddp", "fsdp", "deepspeed"])
def test_a_rehearsal_does_without_gpus(gpus, option):
    gpus(0)
    asked = rehearsed(config(f"trainer={option}", "rehearse=true"))
    changed, note = at_hand(asked)
    assert "0 GPUs here, so the rehearsal does without: trainer.accelerator=auto" in note
    assert device_count(changed) == 1
    assert (changed["trainer"]["strategy"], changed["trainer"]["precision"]) == ("auto", "bf16-mixed")
    assert {name: value for name, value in changed.items() if name != "trainer"} == {
        name: value for name, value in asked.items() if name != "trainer"
    }


HALF = "trainer.precision=16-mixed"


@pytest.mark.parametrize(
    ("words", "here", "told"),
    [
        (["trainer=gpu"], 0, "0 GPUs here, so the rehearsal does without: trainer.accelerator=auto"),
        (["trainer=auto"], 0, "0 GPUs here, so the rehearsal does without: trainer.precision=bf16-mixed"),
        (["trainer=cpu"], 0, "on the CPU the rehearsal does without: trainer.precision=bf16-mixed"),
        (["trainer=cpu"], 1, "on the CPU the rehearsal does without: trainer.precision=bf16-mixed"),
    ],
)
def test_float16_is_rehearsed_in_another_precision(gpus, words, here, told):
    gpus(here)
    asked = rehearsed(config(*words, HALF, "rehearse=true"))
    changed, note = at_hand(asked)
    assert changed["trainer"]["precision"] == "bf16-mixed"
    assert note.startswith(told)
    assert device_count(changed) == 1
    assert asked["trainer"]["precision"] == "16-mixed", "what was asked for stays as it is"


@pytest.mark.parametrize("words", [["trainer=gpu"], ["trainer=auto"], ["trainer=ddp", "trainer.devices=4"]])
def test_float16_is_rehearsed_as_it_is_on_a_gpu(gpus, words):
    gpus(2)
    changed, _ = at_hand(rehearsed(config(*words, HALF, "rehearse=true")))
    assert changed["trainer"]["precision"] == "16-mixed"


def test_float16_is_refused_on_a_cpu(gpus):
    gpus(0)
    with pytest.raises(InputError, match=r"trainer\.precision=16-mixed: on a CPU it would silently become bfloat16"):
        config("trainer=cpu", HALF)
    with pytest.raises(InputError, match=r"trainer\.precision=16-mixed: there is no GPU here"):
        device_count(config(HALF))


def test_little_memory_all_at_once(gpus):
    """Frozen layers, added tokens, Adafactor, float16, clipping and gradient checkpointing go together on a GPU."""
    gpus(1)
    tagged = ("model=gpt2", "model.added_tokens=['<QUESTION>','<END>']", "prompt=tagged")
    saving = ("tuning=freeze", "tuning.embeddings=false", "optimizer=adafactor", "model.gradient_checkpointing=true")
    plain = config("trainer=gpu", HALF, *tagged, *saving)
    assert plain["trainer"]["gradient_clip_val"] == 1.0
    assert device_count(plain) == 1
    assert at_hand(rehearsed(plain)) == (plain, None)


@pytest.mark.parametrize("words", [["trainer=gpu"], ["trainer=cpu", "rehearse=true"]])
def test_other_runs_stay_as_they_are(gpus, words):
    gpus(0)
    asked = config(*words)
    assert at_hand(asked) == (asked, None)
