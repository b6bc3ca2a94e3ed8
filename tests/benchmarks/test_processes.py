import subprocess
import sys

import pytest

from benchmarks.processes import timed
from fsqa.errors import InputError

BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_a_process_that_outlives_its_parent_is_counted():
    starts = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {BUSY!r}])"
    assert timed([sys.executable, "-c", starts]).cpu >= 0.3


def test_a_process_of_somebody_else_is_left_alone():
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    timed([sys.executable, "-c", "pass"])
    assert other.poll() is None
    other.communicate(b"\n", timeout=20)
    assert other.returncode == 0


def test_another_exit_code_than_the_one_wanted_is_an_error():
    fails = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    with pytest.raises(InputError, match="wanted exit code 0, got 1: no such thing"):
        timed(fails)
    assert timed(fails, code=1).wall > 0
