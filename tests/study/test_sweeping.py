"""Who sweeps over a study, by the names of files."""

from dataclasses import replace

from fsqa.study.sweeping import Sweeper, sweepers


def test_a_sweeper_is_known_by_its_file(tmp_path):
    assert sweepers(tmp_path) == {}
    mine = Sweeper.of_this_process()
    others = replace(mine, host="node-7.cluster", process=1)
    for each in (mine, others):
        each.file(tmp_path).parent.mkdir(exist_ok=True)
        each.file(tmp_path).touch()
    (tmp_path / ".sweep" / "not-one.control").touch()
    assert sweepers(tmp_path) == {mine.file(tmp_path): mine, others.file(tmp_path): others}
    assert (mine.is_here, mine.is_gone) == (True, False)
    assert (others.is_here, others.is_gone) == (False, False), "of other machines nothing can be asked"
    assert replace(mine, process=2**22 - 7).is_gone
