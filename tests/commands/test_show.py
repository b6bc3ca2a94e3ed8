import re

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
