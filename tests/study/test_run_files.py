import pytest
import yaml

from fsqa.errors import InputError
from fsqa.study.run_files import read_config, read_lines

CONFIG = {
    "study": "s",
    "allow": ["a", "b"],
    "model": {"path": None, "sizes": [1, 2], "text": "first: 1\nsecond: &x\n", "nested": {"rate": 1e-5}},
    "seed": 3,
    "empty": {},
}


@pytest.mark.parametrize("options", [{"sort_keys": False}, {"default_flow_style": True}, {"width": 20}])
def test_a_config_reads_as_it_was_written(tmp_path, options):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG, **options))
    assert read_config(tmp_path) == CONFIG


def test_references_within_a_config(tmp_path):
    shared = {"a": 1}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"one": shared, "two": shared}))
    assert "&id" in (tmp_path / "config.yaml").read_text()
    assert read_config(tmp_path) == {"one": {"a": 1}, "two": {"a": 1}}


def test_runs_share_what_is_alike(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"study: {name}\nmodel:\n  sizes:\n  - 1\n")
    assert read_config(tmp_path / "one")["model"] is read_config(tmp_path / "two")["model"]


@pytest.mark.parametrize("text", ["a: [", "a: 1\n b: 2\n  c", "\x00"])
def test_a_broken_config_is_told_in_one_line(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=r"config\.yaml: cannot be read .*delete") as error:
        read_config(tmp_path)
    assert "\n" not in str(error.value)


def test_lines_are_read_with_blank_ones_between_them(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n\n{"b": "x\\n"}\n')
    assert read_lines(tmp_path / "rows.jsonl") == [{"a": 1}, {"b": "x\n"}]
    assert read_lines(tmp_path / "none.jsonl") == []
