import csv
import io

from fsqa.metrics.catalogue import COSTS
from fsqa.report.csv_files import STEADY, cost_csv, table_csv
from tests.report.fake_study import add_run, build_study, questions
from tests.report.test_table import two_cells


def rows_of(text):
    return {(row["kind"], row["cell"]): row for row in csv.DictReader(io.StringIO(text))}


def test_table_to_the_byte(tmp_path):
    lines = table_csv(two_cells(tmp_path / "two")).split("\n")
    names = ["exact_match", "answer_nll", *STEADY]
    assert lines[0] == ",".join(
        ["kind", "cell", "seeds"]
        + [f"{name}_{part}" for name in names for part in ("mean", "low", "high", "n")]
        + ["against", *(f"exact_match_difference_{part}" for part in ("mean", "low", "high"))]
        + ["p", "p_adjusted", "detectable", "paired_seeds", "paired_examples"]
    )

    def line(kind, cell, seeds, **figures):
        columns = [figures.get(name, ",,,0") for name in names]
        return ",".join([kind, cell, str(seeds), *columns, ",,,,,,,0,0"])

    # the half width of 0.4, 0.5, 0.6 is 4.30265272991 * 0.1 / sqrt(3) = 0.2484137712
    assert lines[1:] == [
        line("cell", "loss=all", 3, exact_match="0.5,0.2515862288,0.7484137712,3", answer_nll="1,1,1,3"),
        line("cell", "loss=answer", 2, exact_match="0.7,0.7,0.7,2", answer_nll="1,1,1,2"),
        line("baseline", "nearest question", 3, exact_match="0.55,,,1"),
        "",
    ]


def test_cost_to_the_byte(tmp_path):
    header, first, second, end = cost_csv(two_cells(tmp_path / "two")).split("\n")
    empty = ",,,,0" * (len(COSTS) - 1)
    assert header.split(",")[:7] == [
        "kind",
        "cell",
        "seeds",
        "seconds_mean",
        "seconds_low",
        "seconds_high",
        "seconds_n",
    ]
    assert (first, second, end) == (
        f"cell,loss=all,3,10,10,10,3{empty}",
        f"cell,loss=answer,2,10,10,10,2{empty}",
        "",
    )


def test_table_has_the_paired_difference(study):
    rows = rows_of(table_csv(study))
    row, own = rows["cell", "loss=answer_end"], study.comparisons["loss=answer_end"]
    assert row["against"] == "loss=all"
    assert float(row["exact_match_difference_mean"]) == round(own.mean, 10)
    assert float(row["exact_match_difference_low"]) > 0
    assert float(row["p"]) == float(f"{own.p:.10g}")
    assert float(row["p_adjusted"]) == float(f"{own.adjusted:.10g}")
    assert float(row["detectable"]) == float(f"{own.detectable:.10g}")
    assert (row["paired_seeds"], row["paired_examples"]) == ("3", "24")
    assert rows["cell", "loss=all"]["against"] == ""


def test_table_has_nothing_of_the_machine(tmp_path):
    from fsqa.report import study

    texts = []
    for number, name in enumerate(("first", "second")):
        folder = build_study(tmp_path / name, ["all", "answer"], seeds=2)
        other = {"seconds": 1000.0 * number, "started": f"2026-01-0{number + 1}T00:00:00+00:00", "host": name}
        for seed in (2, 3):
            add_run(folder, "all", 10 + seed, asked=questions(24), status=other)
        for file in folder.glob("*/metrics.json"):
            file.write_text(file.read_text().replace('"peak_memory_mb": 812.0', f'"peak_memory_mb": {number}'))
        summary = study.read(folder)
        texts.append((table_csv(summary), cost_csv(summary)))
    assert texts[0][0] == texts[1][0]
    assert texts[0][1] != texts[1][1]
    assert "seconds" not in texts[0][0]
