"""A study that is killed again and again ends as one that never was."""

import os
import signal

from fsqa.report.write import write_report
from tests.commands.lines import call
from tests.sweep.studies import STUDY, TINIEST, result, start, states, until

GRID = ("loss=all,answer_end", "seed=0,1,2")
RUNS = 6


def finished() -> dict:
    return {path.parent.name: path.read_bytes() for path in STUDY.glob("*/status.json") if '"done"' in path.read_text()}


def test_a_study_killed_three_times_equals_one_never_killed(tmp_path):
    kept: dict = {}
    for count in (1, 2, 4):
        sweep = start(*GRID, group=True)
        until(lambda count=count: len(finished()) >= count)
        os.killpg(sweep.pid, signal.SIGKILL)
        sweep.communicate(timeout=30)
        assert kept.items() <= finished().items(), "no finished run was touched"
        kept = finished()
    last = call("train", "-m", *TINIEST, *GRID, "study=sweep")
    assert last.code == 0, last.err
    assert last.out.count("(already done)") == len(kept)
    assert kept.items() <= finished().items()
    assert len(finished()) == RUNS
    assert states()

    whole = call("train", "-m", *TINIEST, *GRID, "study=sweep", "outputs=never_killed")
    assert whole.code == 0, whole.err
    never = sorted((tmp_path / "never_killed/sweep").glob("*/status.json"))
    killed = sorted(STUDY.glob("*/status.json"))
    assert len(never) == RUNS
    assert [result(path.parent) for path in killed] == [result(path.parent) for path in never]
    tables = [write_report([path.parents[1]]).folder / "table.csv" for path in (never[0], killed[0])]
    assert tables[0].read_bytes() == tables[1].read_bytes()
