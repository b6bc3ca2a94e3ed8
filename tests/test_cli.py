"""What stands before the commands: usage, start-up, help, tab completion, clean-up, signals."""

import sys
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

from fsqa import __version__
from fsqa.cli import COMMANDS, run
from tests.commands.lines import TINY, call, refusal, spawn

HEAVY = ("torch", "transformers", "datasets", "pandas", "matplotlib", "pytorch_lightning", "numpy", "scipy", "pyarrow")
LOADED = f"""
import sys
from fsqa.cli import run
code = run(sys.argv[1:])
print("LOADED", sorted(set({HEAVY!r}) & set(sys.modules)))
sys.exit(code)
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_usage(words):
    outcome = call(*words)
    assert outcome.code == 0
    assert all(f"  {name} " in outcome.out for name in COMMANDS)
    assert max(map(len, outcome.out.splitlines())) <= 110


def test_version():
    assert call("--version").out == f"fsqa {__version__}\n"


@pytest.mark.parametrize("name", ["ask", "data", "evaluate", "show", "doctor", "report"])
def test_help_of_a_command(name):
    outcome = call(name, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"usage: fsqa {name}")


def test_help_of_train():
    outcome = call("train", "--help")
    assert outcome.code == 0
    assert outcome.out.startswith("fsqa train")
    assert "loss: all, answer, answer_end, balanced" in outcome.out
    assert "fsqa train -m loss=" in outcome.out
    assert "max_length: 64" in outcome.out
    assert "Powered by Hydra" not in outcome.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--help",), 0),
        (("train", "--help"), 0),
        (("train", "--cfg", "job"), 0),
        (("train", "--info", "searchpath"), 0),
        (("train", "los=answer"), 2),
        (("train", "loss=answr"), 2),
        (("train", "-m", "loss=answr,all"), 2),
        (("train", "seed=abc"), 2),
        (("train", "batch_size=9", "micro_batch_size=2"), 2),
        (("train", "trainer.max_steps=-1"), 2),
        (("train", "loss._target_=os.system"), 2),
        (("train", "--zork"), 2),
        (("ask", "nowhere", "who?"), 2),
        (("evaluate", "nowhere"), 2),
        (("show", "los=all"), 2),
        (("data", "los=all"), 2),
        (("-sc", "install=bash"), 0),
    ],
)
def test_nothing_heavy_loads(words, code):
    outcome = spawn(*words, code=LOADED)
    assert outcome.returncode == code, outcome.stderr
    assert outcome.stdout.splitlines()[-1] == "LOADED []"


def test_finished_run_returns_without_anything_heavy(tmp_path):
    assert call("train", *TINY).code == 0
    outcome = spawn("train", *TINY, code=LOADED)
    assert outcome.returncode == 0
    assert outcome.stdout.splitlines()[-1] == "LOADED []"
    assert "(already done)" in outcome.stdout


def test_cfg_prints_what_would_run():
    outcome = call("train", "--cfg", "job", "loss=balanced", "seed=7")
    assert outcome.code == 0
    assert "_target_: fsqa.loss.BalancedKL" in outcome.out
    assert "seed: 7" in outcome.out
    assert not Path("outputs").exists()
    assert call("train", "loss=balanced", "--cfg", "job", "seed=7").out == outcome.out, "flags may stand anywhere"


def test_running_a_command_cleans_up_after_itself():
    before = list(sys.argv)
    for words in (("train", "--cfg", "job"), ("train", "los=all"), ("train", "--help"), ("show", "los=all")):
        call(*words)
        assert sys.argv == before
        assert not GlobalHydra.instance().is_initialized()


def test_bugs_keep_their_traceback(monkeypatch):
    def bug(_):
        raise RuntimeError("a bug")

    monkeypatch.setattr("fsqa.commands.doctor.run", bug)
    with pytest.raises(RuntimeError, match="a bug"):
        run(["doctor"])


def test_ctrl_c_is_one_line(monkeypatch):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fsqa.commands.doctor.run", stopped)
    outcome = call("doctor")
    assert outcome.code == 130
    assert outcome.err.startswith("fsqa: interrupted")


def test_a_message_of_several_lines_becomes_one(monkeypatch):
    from fsqa.errors import InputError

    def refuse(_):
        raise InputError("one\n  two")

    monkeypatch.setattr("fsqa.commands.doctor.run", refuse)
    assert refusal(call("doctor")) == "one two"


def test_unknown_command():
    assert refusal(call("trian")) == (
        "no command named 'trian'; did you mean 'train'?; the commands are " + ", ".join(COMMANDS)
    )


def completions(line: str) -> set[str]:
    """What the hook that bash installs would be answered."""
    outcome = spawn("-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line)), _HYDRA_OLD_COMP=":")
    assert outcome.returncode == 0, outcome.stderr
    return set(outcome.stdout.split())


def test_completion_hook():
    outcome = spawn("-sc", "install=bash", code="import sys; sys.argv[0] = 'fsqa'; from fsqa.cli import main; main()")
    assert outcome.returncode == 0
    assert "complete -o nospace -o default -F hydra_bash_completion fsqa" in outcome.stdout


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("fsqa tr", {"train"}),
        ("fsqa ", set(COMMANDS)),
        ("fsqa train los", {"loss=", "loss."}),
        ("fsqa train loss=", {"loss=all", "loss=answer", "loss=answer_end", "loss=balanced", "loss=span"}),
        ("fsqa train loss=an", {"loss=answer", "loss=answer_end"}),
        ("fsqa train seed=1 trainer.max_s", {"trainer.max_steps="}),
        ("fsqa show loss=b", {"loss=balanced"}),
        ("fsqa train loss=zork", set()),
    ],
)
def test_completion(line, wanted):
    assert completions(line) == wanted


def test_completion_of_ones_own_configs(tmp_path):
    folder = tmp_path / "conf" / "loss"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("defaults: [answer]\n", encoding="utf-8")
    assert completions("fsqa train loss=mi") == {"loss=mine"}
