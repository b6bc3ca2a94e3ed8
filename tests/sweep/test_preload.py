import ast
from importlib.util import find_spec
from pathlib import Path

import fsqa.sweep
from fsqa.sweep.isolation import PRELOAD, _preloaded


def test_every_module_is_there():
    """A name that is wrong would be passed over without a word, and cost every run its time again."""
    tree = ast.parse((Path(fsqa.sweep.__file__).parent / "preload.py").read_text(encoding="utf-8"))
    (names,) = [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    assert not [name for name in names if find_spec(name) is None]


def test_the_code_of_the_architecture_is_loaded_once_too():
    assert _preloaded({"model": {"architecture": "gpt_neo"}}) == [
        PRELOAD,
        "transformers.models.gpt_neo.modeling_gpt_neo",
    ]
    assert _preloaded({"model": {"path": "some/folder"}}) == [PRELOAD]
