import re
from pathlib import Path

import pytest

from tests.commands.lines import TINY, call, refusal

DATA = [word for word in TINY if word.startswith(("dataset.", "model."))]


def test_tokens_and_shares(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    outcome = call("show", *DATA, "--examples", "2")
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0] == "share of the example's loss:  none  to 5 %  to 15 %  to 30 %  to 100 %"
    assert len(re.findall(r"^atlas-train-\d+  \d+ tokens$", outcome.out, re.MULTILINE)) == 2
    assert "<|start|>" in outcome.out
    assert "<|end|>" in outcome.out


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ("answer", r"prompt 0 % \(0 tokens\), answer 100 % \(\d+ tokens?\), end 0 % \(0 tokens\)"),
        ("answer_end", r"prompt 0 % \(0 tokens\), answer \d+ % \(\d+ tokens?\), end \d+ % \(1 token\)"),
        ("balanced", r"prompt 50 % \(\d+ tokens\), answer \d+ % \(\d+ tokens?\), end \d+ % \(1 token\)"),
        ("all", r"prompt [1-9]\d+ % \(\d+ tokens\), answer \d+ % \(\d+ tokens?\), end \d+ % \(1 token\)"),
    ],
)
def test_share_of_the_loss(loss, told, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    outcome = call("show", *DATA, f"loss={loss}", "--examples", "1")
    share = outcome.out.splitlines()[-1]
    assert re.fullmatch(rf"  {told}", share), share
    assert abs(sum(map(int, re.findall(r"(\d+) %", share))) - 100) <= 1


def test_split_and_words_in_any_order():
    outcome = call("show", "--split", "test", "loss=all", "--examples", "1", *DATA)
    assert outcome.code == 0, outcome.err
    assert "atlas-test-" in outcome.out


@pytest.mark.parametrize("columns", ["80", "100"])
def test_width(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert max(map(len, call("show", *DATA).out.splitlines())) <= int(columns)


def test_sweeps_are_refused():
    assert "is a sweep over several values" in refusal(call("show", "loss=all,answer"))


def test_a_rehearsal_shows_the_rows_that_it_trains_on(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    Path("text").mkdir()
    for i in range(20):
        Path("text", f"{i}.txt").write_text(f"{i} " + "one and two and three and four " * 20)
    words = ("experiment=language_model", "dataset.path=text", "model=gpt2", "rehearse=true", "max_length=32")
    outcome = call("show", *words, "--examples", "1")
    assert outcome.code == 0, outcome.err
    assert re.search(r"  32 tokens$", outcome.out, re.MULTILINE), "the next block goes on where one ends"
    question = " ".join(["why"] * 60)
    Path("train.jsonl").write_text("".join(f'{{"question": "{question} {i}", "answer": "so"}}\n' for i in range(40)))
    words = ("dataset=jsonl", "dataset.path=train.jsonl", "model=gpt2", "rehearse=true", "max_length=16")
    outcome = call("show", *words, "--examples", "1")
    assert outcome.code == 0, outcome.err
    assert re.search(r"  64 tokens", outcome.out, re.MULTILINE), "a row that would be cut has more room"
