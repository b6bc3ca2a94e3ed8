"""Whatever is wrong with the input: one clear line, exit code 2, and nothing half-written."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

from tests.commands.lines import SMALL, TINY, call, refusal, train

ROWS = [{"question": f"who is number {i}?", "answer": f"person {i}"} for i in range(40)]
JSONL = (*SMALL, "dataset=jsonl", "model.size.hidden_size=32", "model.vocabulary=400")


def write(name: str, *rows: object) -> str:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    Path(name).write_text(text, encoding="utf-8")
    return f"dataset.path={name}"


def refused(*words: str) -> str:
    """Return the line a command is refused with, after making sure that nothing was left behind."""
    line = refusal(call(*words))
    outputs = Path("outputs")
    states = [json.loads(path.read_text())["state"] for path in outputs.glob("*/*/status.json")]
    assert not states, "bad input leaves no run"
    assert not list(outputs.glob(".cache/*/.*")), "a temporary folder was left"
    assert not list(outputs.rglob("*.tmp"))
    return line


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "bad.jsonl has no rows"),
        ([ROWS[0], '{"question": '], "bad.jsonl:2:.*: broken JSON"),
        ([ROWS[0], "[1, 2]"], "bad.jsonl:2: wanted one JSON object a line, came a list"),
        ([{"question": "a", "answers": "b"}], "bad.jsonl:1: no field 'answer'.*did you mean 'answers'?"),
        ([{"question": " ", "answer": "b"}], "bad.jsonl:1: question: the text is empty"),
        ([{"question": "a", "answer": []}], "bad.jsonl:1: answers: the list is empty"),
        ([{"question": "a", "answer": " "}], "bad.jsonl:1: answers: the text is empty"),
        ([{"question": "a", "answer": 3}], "bad.jsonl:1: answers: wanted a text or a list of texts, came int"),
        ([{"question": 3, "answer": "b"}], "bad.jsonl:1: question: wanted a text, came int 3"),
        (ROWS[:1], "dataset.holdout takes validation 1, test 1 of 1 rows"),
        (
            [*ROWS, {"question": "why?", "answer": "so " * 200}],
            "row 'bad:41' ('why?'): the answer has .* max_length=64",
        ),
    ],
)
def test_rows(rows, told):
    assert_told(told, refused("train", *JSONL, write("bad.jsonl", *rows)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dataset.path=nowhere.jsonl",), "dataset.path: there is no file or folder .*nowhere.jsonl"),
        (("dataset.path=god.jsonl",), "dataset.path: there is no file or folder .*did you mean 'good.jsonl'?"),
        ((), "dataset.path: a value is wanted and none was given; set dataset.path="),
        (("dataset.path=good.jsonl", "dataset.fields.answers=answr"), "no field 'answr'.*did you mean 'answer'?"),
        (("dataset.path=good.jsonl", "dataset.answers=frist"), "wanted one of single, first, all, got 'frist'"),
        (
            ("dataset.path=good.jsonl", "loss.weights={prompt: 0, answer: 0, end: 0, context: 1}"),
            "row 'good:.*no token counts under this loss",
        ),
    ],
)
def test_data(words, told):
    write("good.jsonl", *ROWS)
    assert_told(told, refused("train", *JSONL, *words))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        # misspelt
        ("los=answer", "los: there is no key 'los'; did you mean 'loss'?"),
        ("lr=1e-3", "lr: there is no key 'lr'; did you mean 'optimizer.lr'?"),
        ("loss=answr", "loss=answr: there is no such loss; did you mean 'answer'?; the options are all, answer,"),
        ("loss.smoothin=0.1", "there is no key 'smoothin' in loss; did you mean 'smoothing'?"),
        ("loss.weights.anser=1", "there is no key 'anser' in loss.weights; did you mean 'answer'?"),
        ("+loss.weights.anser=1", "loss.weights: no role named 'anser'; did you mean 'answer'?"),
        ("+model.size.hiden_size=3", "model.size.hiden_size: gpt_neo has no such setting; did you mean 'hidden_size'?"),
        ("model.architecture=gptneo", "no architecture named 'gptneo' in transformers; did you mean 'gpt_neo'?"),
        ("experiment=loss_ablaton", "there is no such experiment; did you mean 'loss_ablation'?"),
        ("hydra/launcher=zork", "hydra/launcher=zork: there is no such hydra/launcher"),
        (
            "prompt.segments=[{prompt: '{qestion}'},{answer: '{answer}'}]",
            "no field '{qestion}'.*did you mean 'question'",
        ),
        ("callbacks.best.monitor=val/f2", "callbacks.best.monitor: nothing logs 'val/f2'; did you mean 'val/f1'?"),
        ("--multirn", "unrecognized arguments: --multirn; did you mean '--multirun'?; see fsqa train --help"),
        ("+trainer.zork=1", "trainer.zork: pytorch_lightning.Trainer takes no such key"),
        ("+zork=1", "zork: no such top-level key"),
        # wrong type
        ("seed=abc", "seed: wanted a whole number, got 'abc'"),
        ("seed=1.5", "seed: wanted a whole number, got 1.5"),
        ("seed=null", "seed: wanted a whole number, got null"),
        ("rehearse=maybe", "rehearse: wanted true or false, got 'maybe'"),
        ("loss.smoothing=much", "loss.smoothing: wanted a number, got 'much'"),
        ("loss.weights=3", "loss.weights: wanted a mapping of names, each to a number, got 3"),
        ("loss.mean=batch", "loss.mean: wanted one of example, token, got 'batch'"),
        ("optimizer.lr=fast", "optimizer.lr: wanted a number or a tensor, got 'fast'"),
        # a value that cannot be
        ("loss.smoothing=1.0", "loss.smoothing: wanted a number in [0, 1), got 1.0"),
        ("loss.smoothing=-0.1", "loss.smoothing: wanted a number in [0, 1), got -0.1"),
        ("loss.weights.answer=-1", "loss.weights.answer: wanted a weight of 0 or more, got -1"),
        ("loss.weights={answer: 0, end: 0}", "loss.weights: every weight is 0"),
        ("optimizer.lr=-1", "torch.optim.AdamW refuses these settings: Invalid learning rate: -1"),
        ("scheduler.warmup=-1", "scheduler.warmup: wanted steps (1 or more) or a share of them (below 1), got -1"),
        ("study=a/b", "study: wanted a folder name of letters"),
        ("study=..", "study: wanted a folder name of letters"),
        ("outputs=''", "outputs: wanted a folder, got an empty name"),
        ("seed=-1", "seed: wanted 0 or more, got -1"),
        ("batch_size=0", "batch_size: wanted 1 or more, got 0"),
        ("micro_batch_size=3", "batch_size=8 is not a multiple of micro_batch_size=3"),
        ("max_length=2", "max_length: wanted 3 tokens or more"),
        ("max_length=500", "max_length=500 is more than the model's 128 positions"),
        ("generation.max_new_tokens=64", "generation.max_new_tokens=64 leaves no room for a question in max_length=64"),
        ("generation.max_new_tokens=0", "generation.max_new_tokens: wanted 1 or more, got 0"),
        ("callbacks.history.every=0", "callbacks.history.every: wanted 1 step or more, got 0"),
        ("trainer.max_steps=-1", "trainer: training would never end; set trainer.max_steps or trainer.max_epochs"),
        ("trainer.max_steps=0", "trainer.max_steps: wanted 1 or more, or -1 for no limit, got 0"),
        ("trainer.val_check_interval=0.5", "trainer.val_check_interval: wanted a whole number of optimizer steps"),
        ("trainer.gradient_clip_val=0", "trainer.gradient_clip_val: wanted a number above 0, or null for none"),
        ("trainer.precision=16-mixed", "trainer.precision=16-mixed: on a CPU"),
        ("trainer.accelerator=zork", "pytorch_lightning.Trainer refuses these settings: .*'zork'"),
        ("trainer.devices=0", "trainer.devices: wanted 1 or more, or -1 for all GPUs, got 0"),
        ("dataset.questions=3", "dataset.questions must be at least 196"),
        ("model.vocabulary=10", "model.vocabulary: wanted at least 259"),
        ("model.dtype=float23", "model.dtype: wanted one of float32, .*did you mean 'float32'?"),
        # something needed is not there
        ("~loss.mean", "loss.mean: fsqa.loss.SmoothedKL needs this key and it is not there; set +loss.mean=..."),
        ("~loss", "loss: nothing was chosen; take one of its options"),
        ("~seed", "seed: a value is wanted and none was given; set seed=..."),
        ("loss=null", "loss=null: choose one of all, answer,"),
        ("callbacks.best=null", "callbacks.best: every run needs it"),
        ("callbacks.answers=null", "callbacks.best.monitor: nothing logs 'val/f1'; take one of val/answer_nll,"),
        ("callbacks.best.monitor=val/bleu", "callbacks.best.monitor: val/bleu comes with metrics=text, which is not"),
        ("callbacks.best.monitor=val/use_loc", "val/use_loc comes with metrics=ranking_use, which is not chosen; add"),
        ("callbacks.best.monitor=null", "callbacks.best.monitor: nothing logs None; take one of val/answer_nll,"),
        ("seed=${nowhere}", "seed: Interpolation key 'nowhere' not found"),
        # targets
        ("loss._target_=os.system", "loss._target_: 'os.system' is outside the packages that may be named"),
        ("loss._target_=fsqa.loss.SmoothKL", "there is no 'SmoothKL' in fsqa.loss; did you mean 'SmoothedKL'?"),
        ("loss._target_=torch.nn.MSELoss", "torch.nn.MSELoss refuses these settings: .*'smoothing'"),
        ("loss._target_=3", "loss._target_: wanted the dotted name of a class, got 3"),
        # malformed
        ("loss", "override: 'loss' cannot be read; write key=value"),
        ("=3", "override: '=3' names no key; write key=value"),
        ("loss=[", "override: 'loss=[' cannot be read (no viable alternative"),
        ("loss=answer,all", "'loss=answer,all' is a sweep over several values; add -m to run them all"),
        ("loss=", "loss=: there is no such loss; the options are all,"),
    ],
)
def test_one_override(words, told):
    assert_told(told, refused("train", *TINY, words))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-m", "loss=all,answr"), "loss=answr: there is no such loss; did you mean 'answer'?"),
        (("-m", "--cfg", "job"), "--multirun and --cfg exclude each other"),
        (("--cfg", "jb"), "argument --cfg/-c: invalid choice: 'jb'"),
        (("--config-dir", "mine"), "--config-dir: fsqa train composes its own configs; files of yours in ./conf"),
        (("callbacks=early_stopping", "callbacks.early_stopping.monitor=val/zork"), "nothing logs 'val/zork'"),
        (
            ("metrics=text", "callbacks=early_stopping", "callbacks.early_stopping.monitor=val/brier"),
            "callbacks.early_stopping.monitor: val/brier comes with metrics=calibration, which is not chosen",
        ),
        (("trainer.max_steps=-1", "trainer.max_epochs=0"), "trainer.max_epochs: wanted 1 or more, or -1 for no limit"),
    ],
)
def test_several_words(words, told):
    assert_told(told, refused("train", *TINY, *words))


def test_precision_without_a_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    line = refused("train", *TINY, "trainer.precision=16-mixed", "trainer.accelerator=auto", "optimizer.fused=false")
    assert "trainer.precision=16-mixed" in line


def model_folder(name: str, files: dict[str, bytes]) -> str:
    folder = Path(name)
    folder.mkdir()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return f"model.path=./{name}"


CONFIG = b'{"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "vocab_size": 300}'


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (None, "model.path: no folder .*mine; wanted a hub id or a folder with a saved model"),
        ({}, "model.path: no config.json in .*mine"),
        ({"config.json": CONFIG}, "model.path: no weights in .*mine; wanted model.safetensors"),
        (
            {"config.json": CONFIG, "model.safetensors": b""},
            "model.path: no tokenizer in .*mine; wanted tokenizer.json",
        ),
        ({"config.json": b"{", "model.safetensors": b"", "tokenizer.json": b"{}"}, "model: cannot load the tokenizer"),
    ],
)
def test_model_folder(files, told):
    path = "model.path=./mine" if files is None else model_folder("mine", files)
    words = [word for word in TINY if not word.startswith("model.")]
    assert_told(told, refused("train", *words, "model=pretrained", path))


@pytest.mark.parametrize("outputs", ["file", "file/deeper"])
def test_outputs_under_a_file(outputs):
    Path("file").write_text("not a folder", encoding="utf-8")
    line = refusal(call("train", *TINY, f"outputs={outputs}"))
    assert line.startswith(f"outputs: cannot write to {outputs}/default/")
    assert "Not a directory" in line
    assert Path("file").read_text(encoding="utf-8") == "not a folder"


@pytest.mark.parametrize("where", ["fsqa.callbacks.history.History._write", "fsqa.results.write_json"])
def test_full_disk(where, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(where, full)
        line = refusal(call("train", *TINY), trained=True)
    assert line.startswith("outputs: cannot write to outputs/default/")
    assert "No space left on device; free some space or set outputs=" in line
    (status,) = Path("outputs").glob("default/*/status.json")
    assert json.loads(status.read_text())["state"] == "failed"
    assert not list(Path("outputs").rglob("*.tmp"))
    assert call("train", *TINY).code == 0, "it goes on once there is room"


def test_disk_full_while_the_model_is_saved(monkeypatch):
    """safetensors has an error of its own for it; half a model must not stay behind."""
    from safetensors import SafetensorError
    from transformers import PreTrainedModel

    def full(_, folder, **__):
        Path(folder).mkdir()
        (Path(folder) / "model.safetensors").write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedModel, "save_pretrained", full)
        assert "No space left on device" in refusal(call("train", *TINY), trained=True)
    assert not list(Path("outputs").rglob("model.safetensors"))
    assert call("train", *TINY).code == 0
    assert len(list(Path("outputs").rglob("model/model.safetensors"))) == 1


def test_disk_full_from_the_start(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("fsqa.study.folder.write_text", full)
    assert "No space left on device" in refusal(call("train", *TINY))
    assert not list(Path("outputs").rglob("status.json"))


def test_full_cache(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("fsqa.data.prepare.write_records", full)
    assert "No space left on device" in refused("train", *TINY)


@pytest.mark.parametrize("state", ["done", "failed"])
def test_run_folder_of_another_config(state, tiny_run):
    copy = Path("outputs/default") / tiny_run.name
    shutil.copytree(tiny_run, copy)
    config = yaml.safe_load((copy / "config.yaml").read_text())
    config["optimizer"]["lr"] = 0.5
    (copy / "config.yaml").write_text(yaml.safe_dump(config))
    status = json.loads((copy / "status.json").read_text())
    (copy / "status.json").write_text(json.dumps({**status, "state": state}))
    before = sorted((path, path.stat().st_mtime_ns) for path in copy.rglob("*") if path.name != ".lock")
    line = refusal(call("train", *TINY))
    assert "holds another config (it differs in 'optimizer')" in line
    assert before == sorted((path, path.stat().st_mtime_ns) for path in copy.rglob("*") if path.name != ".lock")


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("status.json", "{", "status.json: broken (.*; delete outputs/default/.* and run it again"),
        ("status.json", "[]", "status.json: wanted a JSON object, came a list"),
        ("config.yaml", "a: [", "config.yaml: .*delete outputs/default/.* and run"),
    ],
)
def test_broken_run_folder(file, content, told, tiny_run):
    copy = Path("outputs/default") / tiny_run.name
    shutil.copytree(tiny_run, copy)
    (copy / file).write_text(content)
    for words in (("train", *TINY), ("ask", copy, "who?"), ("evaluate", copy)):
        assert_told(told, refusal(call(*words)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tran",), "no command named 'tran'; did you mean 'train'?; the commands are train, evaluate, ask,"),
        (("ask",), "the following arguments are required: run; see fsqa ask --help"),
        (("ask", "nowhere", "who?"), "no run folder nowhere; wanted a folder that fsqa train wrote"),
        (("ask", "nowhere", ""), "question: wanted some text, got an empty one"),
        (("ask", "nowhere", "who?", "--jsn"), "unrecognized arguments: --jsn; did you mean '--json'?"),
        (("ask", "nowhere", "who?", "--file", "x"), "give a question or --file, not both"),
        (("evaluate", "nowhere"), "no run folder nowhere"),
        (("report", "nowhere"), "no study folder 'nowhere'"),
        (("show", "--exampels", "1"), "unrecognized arguments: --exampels; did you mean '--examples'?"),
        (("show", "--split", "tset"), "argument --split: invalid choice: 'tset'"),
        (("show", "--examples", "0"), "--examples: wanted 1 or more, got 0"),
        (("show", "los=all"), "los: there is no key 'los'; did you mean 'loss'?"),
        (("doctor", "--output"), "unrecognized arguments: --output; did you mean '--outputs'?"),
    ],
)
def test_other_commands(words, told):
    assert_told(told, refused(*words))


@pytest.mark.parametrize("name", ["ask", "evaluate"])
def test_which_run(name, study):
    line = refusal(call(name, study, *(["who?"] if name == "ask" else [])))
    assert "it holds 2 runs (" in line
    assert line.endswith("name one")
    line = refusal(call(name, study.parent / "tow", *(["who?"] if name == "ask" else [])))
    assert "did you mean 'two'?" in line


@pytest.mark.parametrize("state", ["running", "failed", "interrupted"])
def test_run_that_is_not_done(state, tiny_run):
    copy = Path("copy")
    shutil.copytree(tiny_run, copy)
    status = json.loads((copy / "status.json").read_text())
    (copy / "status.json").write_text(json.dumps({**status, "state": state}))
    for words in (("ask", copy, "who?"), ("evaluate", copy)):
        assert f"this run is {state}, not done" in refusal(call(*words))


def test_run_without_its_model(tiny_run):
    copy = Path("copy")
    shutil.copytree(tiny_run, copy)
    shutil.rmtree(copy / "model")
    assert "the run's model is gone" in refusal(call("ask", copy, "who?"))


def test_interrupted_run_keeps_what_bad_input_meets(tmp_path, monkeypatch):
    """A folder that was there before is not removed when its data turns bad."""
    write("good.jsonl", *ROWS)
    words = ("train", *JSONL, "dataset.path=good.jsonl")

    def bug(*_):
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("fsqa.results.write_results", bug)
        with pytest.raises(RuntimeError, match="a bug"):
            call(*words)
    (status,) = Path("outputs").glob("default/*/status.json")
    write("good.jsonl", "{")
    assert "good.jsonl:1" in refusal(call(*words))
    assert json.loads(status.read_text())["state"] == "failed"
    assert (status.parent / "history.jsonl").exists()


def assert_told(told: str, line: str) -> None:
    """Find the parts of a message, in their order; ``.*`` stands between them."""
    position = 0
    for part in told.split(".*"):
        assert part in line[position:], line
        position = line.index(part, position) + len(part)


def test_a_refused_command_leaves_no_trace(tmp_path):
    """A refusal changes nothing for the next one in the same process."""
    refusal(call("train", "los=answer"))
    assert train(tmp_path / "outputs").is_dir()
