from pathlib import Path

import pytest

from fsqa.errors import InputError
from fsqa.export.folder import check_free, whole


def test_a_folder_is_there_when_it_is_whole():
    with whole(Path("deeper/target")) as folder:
        (folder / "file").write_text("content", encoding="utf-8")
        assert not Path("deeper/target").exists()
    assert Path("deeper/target/file").read_text(encoding="utf-8") == "content"
    assert [path.name for path in Path("deeper").iterdir()] == ["target"]


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_nothing_is_left_after_an_error(error):
    def write():
        with whole(Path("target")) as folder:
            (folder / "file").write_text("content", encoding="utf-8")
            raise error

    with pytest.raises(type(error)):
        write()
    assert not list(Path().iterdir())


def test_a_full_disk_is_one_line():
    def write():
        with whole(Path("target")):
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="cannot write to target: No space left on device; make room"):
        write()


def test_what_is_there_is_not_touched(tmp_path):
    Path("run/model").mkdir(parents=True)
    Path("target").mkdir()
    Path("file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="--output: target is there already"):
        check_free(Path("target"), Path("run"))
    with pytest.raises(InputError, match="run/model/int8 is inside the run run, which stays as it is"):
        check_free(Path("run/model/int8"), Path("run"))
    with pytest.raises(InputError, match="cannot write to file/deeper/target: Not a directory"):
        check_free(Path("file/deeper/target"), Path("run"))
    check_free(tmp_path / "free", Path("run"))
