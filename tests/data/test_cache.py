"""What is kept between runs is made once, whoever asks for it at the same moment, and whatever is deleted."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsqa.data.cache import cached, key_of
from fsqa.dataset import content
from fsqa.dataset.content import content_hash
from fsqa.errors import InputError

ROOT = Path(__file__).parents[2]


def words(folder):
    return (folder / "words").read_text()


def writing(text, calls=None):
    def make(folder):
        if calls is not None:
            calls.append(text)
        (folder / "words").write_text(text)

    return make


def python(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE)


def test_made_once_and_read_every_time(tmp_path):
    calls = []
    assert cached(tmp_path, "key", writing("one", calls), words) == "one"
    assert cached(tmp_path, "key", writing("two", calls), words) == "one"
    assert cached(tmp_path, "other", writing("two", calls), words) == "two"
    assert calls == ["one", "two"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "other"], "no lock is left behind"


def test_a_failed_make_leaves_nothing(tmp_path):
    def make(folder):
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, "key", make, words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError(13, "Permission denied")])
def test_a_full_or_closed_disk_is_told(tmp_path, error):
    def make(folder):
        raise error

    with pytest.raises(InputError, match=rf"outputs: cannot write .*key: {error.strerror}; free some space"):
        cached(tmp_path, "key", make, words)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_data_lacks_is_no_deleted_cache(tmp_path):
    calls = []

    def make(folder):
        calls.append(folder)
        raise FileNotFoundError("questions.jsonl")

    with pytest.raises(FileNotFoundError, match=r"questions\.jsonl"):
        cached(tmp_path, "key", make, words)
    assert len(calls) == 1


SLOW = """
import sys, time
from pathlib import Path
from fsqa.data.cache import cached
root, name = Path(sys.argv[1]), sys.argv[2]

def make(folder):
    with (root / "made").open("a") as file:
        file.write(name + "\\n")
    time.sleep(0.3)
    (folder / "words").write_text(name)

print("ready", flush=True)
while not (root / "go").exists():
    time.sleep(0.001)
print(cached(root / "cache", "key", make, lambda folder: (folder / "words").read_text()), flush=True)
"""


def test_of_processes_that_ask_at_once_one_computes(tmp_path):
    racers = [python(SLOW, tmp_path, name) for name in "abc"]
    for racer in racers:
        assert racer.stdout.readline() == b"ready\n"
    (tmp_path / "go").touch()
    answers = {racer.communicate(timeout=30)[0].decode().strip() for racer in racers}
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert answers == {(tmp_path / "made").read_text().strip()}, "one line: one process made what all three read"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["key"]


KILLED = """
import os, sys, time
from pathlib import Path
from fsqa.data.cache import cached

def make(folder):
    (folder / "words").write_text("half")
    print("making", flush=True)
    time.sleep(60)

cached(Path(sys.argv[1]), "key", make, None)
"""


def test_who_waits_for_a_killed_process_makes_it_himself(tmp_path):
    """The lock dies with its owner, and half a folder never counts."""
    owner = python(KILLED, tmp_path)
    assert owner.stdout.readline() == b"making\n"
    waiting = python(SLOW.replace('"cache"', '""'), tmp_path, "later")
    (tmp_path / "go").touch()
    assert waiting.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    assert waiting.poll() is None
    assert not (tmp_path / "made").exists(), "it waits"
    os.kill(owner.pid, signal.SIGKILL)
    owner.communicate()
    assert waiting.communicate(timeout=30)[0] == b"later\n"
    assert words(tmp_path / "key") == "later"


def test_deleted_while_it_is_made(tmp_path):
    root, calls = tmp_path / "cache", []

    def make(folder):
        calls.append(folder)
        if len(calls) == 1:
            shutil.rmtree(root)
        writing("whole")(folder)

    assert cached(root, "key", make, words) == "whole"
    assert len(calls) == 2


def test_deleted_while_it_is_made_and_made_by_another_process(tmp_path):
    root = tmp_path / "cache"

    def make(folder):
        shutil.rmtree(root)
        assert cached(root, "key", writing("theirs"), words) == "theirs"
        folder.mkdir(parents=True)
        writing("mine")(folder)

    assert cached(root, "key", make, words) == "theirs"
    assert [path.name for path in root.iterdir()] == ["key"]


def test_deleted_before_it_is_read(tmp_path):
    calls, reads = [], []

    def read(folder):
        if not reads:
            shutil.rmtree(tmp_path)
        reads.append(folder)
        return words(folder)

    assert cached(tmp_path, "key", writing("whole", calls), read) == "whole"
    assert (len(calls), len(reads)) == (2, 2)


def test_an_entry_that_has_lost_a_file_is_made_again(tmp_path):
    cached(tmp_path, "key", writing("whole"), words)
    (tmp_path / "key" / "words").unlink()
    assert cached(tmp_path, "key", writing("again"), words) == "again"


def test_who_deletes_without_end_is_told_so(tmp_path):
    def read(folder):
        shutil.rmtree(folder)
        return words(folder)

    with pytest.raises(InputError, match="somebody deletes it again and again"):
        cached(tmp_path, "key", writing("whole"), read)


def test_key_depends_on_every_part():
    assert key_of("a", 1, {"x": 2}) == key_of("a", 1, {"x": 2})
    assert len({key_of("a"), key_of("a", 1), key_of("a", 2), key_of("b", 1), key_of("a", "1")}) == 5


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    file, read, plain = tmp_path / "data", [], content.file_digest
    monkeypatch.setattr(content, "file_digest", lambda *given: read.append(file) or plain(*given))
    file.write_text("one")
    first = content_hash(file)
    assert content_hash(file) == first
    assert len(read) == 1
    file.write_text("another")
    assert content_hash(file) != first
    file.write_text("one")
    assert content_hash(file) == first
    assert len(read) == 3
