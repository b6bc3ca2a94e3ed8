"""What is left out when libraries are loaded, in processes of their own."""

import subprocess
import sys

LOADED = "import sys; print(*[name for name in ('scipy', 'matplotlib') if name in sys.modules])"


def output(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_what_no_run_uses_is_left_out_and_still_there_for_others():
    code = f"""
from fsqa.lean_imports import load_libraries
load_libraries()
from transformers import GPTNeoForCausalLM
import fsqa.fit
{LOADED}
import matplotlib, scipy.optimize, torchmetrics
from lightning_utilities.core.imports import RequirementCache, package_available
from transformers.utils import is_scipy_available
print(bool(RequirementCache("matplotlib")), package_available("scipy"), is_scipy_available())
metric = torchmetrics.MeanMetric()
metric.update(3.0)
print(float(metric.compute()))
"""
    assert output(code) == "True True True\n3.0"  # before that an empty line: nothing of the two is there


def test_without_it_they_are_loaded():
    """Else there would be nothing to leave out, and the module could go."""
    assert output(f"import pytorch_lightning\n{LOADED}") == "scipy matplotlib"


def test_libraries_that_are_there_already_stay_as_they_are():
    code = f"""
import torchmetrics
from fsqa.lean_imports import load_libraries
load_libraries()
{LOADED}
from torchmetrics.utilities.imports import _MATPLOTLIB_AVAILABLE
print(bool(_MATPLOTLIB_AVAILABLE))
"""
    assert output(code).splitlines() == ["scipy matplotlib", "True"]


def test_what_was_loaded_is_left_out_of_later_searches_for_garbage():
    code = """
import gc
from fsqa.lean_imports import load_libraries, uncollected
with uncollected():
    print(gc.isenabled())
    load_libraries()
frozen = gc.get_freeze_count()
print(gc.isenabled(), frozen > 100_000)
mine = [[]]
with uncollected():
    print(gc.isenabled())
print(gc.get_freeze_count() <= frozen, gc.is_tracked(mine))
"""
    assert output(code) == "False\nTrue True\nTrue\nTrue True"


def test_the_search_for_garbage_goes_on_after_a_library_that_cannot_be_loaded():
    code = """
import gc
from fsqa.lean_imports import uncollected
try:
    with uncollected():
        raise ImportError
except ImportError:
    print(gc.isenabled(), gc.get_freeze_count())
"""
    assert output(code) == "True 0"
