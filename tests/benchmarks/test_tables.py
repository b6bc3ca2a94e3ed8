import json

from benchmarks.tables import cell, write

ROWS = [{"who": "a|b", "s/step": 0.123456, "n": 12345, "hidden": [1]}, {"who": "c", "s/step": 12345.6, "ok": True}]
FACTS = {"CPU": "Z", "cores": 2}


def written(folder):
    write(folder, "x", "A race", ["who", "s/step", "n", "ok"], ROWS, ["a note"], "python -m x", FACTS)
    return (folder / "x.md").read_text(encoding="utf-8"), json.loads((folder / "x.json").read_text(encoding="utf-8"))


def test_both_files_hold_the_same(tmp_path):
    page, values = written(tmp_path)
    assert page == (
        "# A race\n\n"
        "Machine: CPU Z; cores 2.\n\n"
        "    python -m x\n\n"
        "| who  | s/step |      n | ok  |\n"
        "| ---- | -----: | -----: | --- |\n"
        "| a\\|b | 0.1235 | 12,345 |     |\n"
        "| c    | 12,346 |        | yes |\n\n"
        "- a note\n"
    )
    assert values["rows"] == ROWS, "JSON has all, shown or not"
    assert list(values) == ["title", "command", "facts", "columns", "rows", "notes"]


def test_the_same_results_are_the_same_bytes(tmp_path):
    assert written(tmp_path / "one") == written(tmp_path / "two")


def test_cells():
    assert [cell(v) for v in (None, 0.0, 3, 1234567, 0.00012346, 999.96, 1000.4, "text")] == [
        *("", "0", "3", "1,234,567", "0.0001235", "1,000", "1,000", "text")
    ]
