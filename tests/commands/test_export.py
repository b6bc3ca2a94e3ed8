from pathlib import Path

import pytest

from tests.commands.lines import call, refusal


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "the following arguments are required: --format"),
        (["--format", "megred"], "--format: wanted one of merged, adapter, int8, torchao_int8, lm_eval, got 'megred'"),
        (["--format", "megred"], "did you mean 'merged'?"),
        (
            ["--format", "gguf"],
            "export with --format merged, and give that folder to convert_hf_to_gguf.py of llama.cpp",
        ),
        (["--format", "merged", "--output", "there"], "--output: there is there already; name another folder"),
        (["--format", "merged", "--output", "file/deeper/int8"], "cannot write to file/deeper/int8: Not a directory"),
    ],
)
def test_bad_input(tiny_run, words, told):
    Path("file").write_text("", encoding="utf-8")
    Path("there").mkdir()
    assert told in refusal(call("export", tiny_run, *words))
    assert sorted(path.name for path in Path().iterdir()) == ["file", "there"]


def test_the_run_is_no_place_for_an_export(tiny_run):
    told = refusal(call("export", tiny_run, "--format", "merged", "--output", tiny_run / "merged"))
    assert "is inside the run" in told
    assert not (tiny_run / "merged").exists()


def test_the_name_tells_run_and_format(tiny_run):
    outcome = call("export", tiny_run, "--format", "merged")
    assert outcome.out == f"{tiny_run.name}-merged\n"
    assert (Path(f"{tiny_run.name}-merged") / "model.safetensors").is_file()
    assert "is there already" in refusal(call("export", tiny_run, "--format", "merged"))


def test_help_lists_the_formats():
    outcome = call("export", "--help")
    assert outcome.code == 0
    assert "lm_eval" in outcome.out
