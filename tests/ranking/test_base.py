import subprocess
import sys


def test_rankers_are_made_without_torch():
    """They are made with the config, before anything heavy loads."""
    code = "import sys, fsqa.metrics.ranking; print(sorted({'torch', 'transformers', 'bm25s'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
