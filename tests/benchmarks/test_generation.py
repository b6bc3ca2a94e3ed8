import json

import pytest
import torch

from benchmarks import generation, workload
from fsqa.errors import InputError

SMALL = workload.Shape(
    architecture="gpt_neo",
    sizes={
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 2,
        "attention_types": [[["global", "local"], 1]],
        "max_position_embeddings": 64,
    },
    vocabulary=8_000,
    tokens=8_000,
    lora=(),
)


def test_a_race_between_all_ways(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(workload.SHAPES, "tiny", SMALL)
    words = ["--model", "tiny", "--questions", "12", "--alone", "3", "--rounds", "2", "--batch-size", "5"]
    folders = ["--data", shared / "data" / "nq_open", "--tokenizer", shared / "models" / "gpt2-tokenizer"]
    before = torch.get_num_threads()
    assert generation.main([*words, *map(str, folders), "--output", str(tmp_path)]) == 0
    assert torch.get_num_threads() == before == 1
    assert "12 of all 12 answers of fsqa are those of generate(), 32 as they come" in capsys.readouterr().out
    rows = json.loads((tmp_path / "generation_tiny.json").read_text())["rows"]
    assert [row["way"] for row in rows][-1] == "fsqa"
    assert {row["same answers"] for row in rows} == {"3 of 3"}
    assert all(row["questions/s"] > 0 for row in rows)


def test_rows_end_at_their_own_length():
    lengths = generation.Lengths(2, [1, 3])
    assert lengths(torch.zeros(2, 3), None).tolist() == [True, False]
    assert lengths(torch.zeros(2, 5), None).tolist() == [True, True]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "nowhere"], r"--data: no NQ-open\.dev\.even\.jsonl in nowhere; name the folder that holds it"),
        (["--model", "gpt_neo_125"], r"--model: there is no 'gpt_neo_125'"),
    ],
)
def test_refused(words, said):
    with pytest.raises(InputError, match=said):
        generation.main(words)
