"""The shape of the package: imports point down only, and nothing grows too large to read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fsqa"
MODULES = sorted(PACKAGE.rglob("*.py"))
OURS = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

LEVELS = (
    ("types", "errors", "files", "progress", "lean_imports"),
    ("dataset", "prompt", "loss", "model", "tuning", "optimizer", "scheduler", "speed"),
    ("encode", "generation", "metrics", "ranking"),
    ("data", "objective"),
    ("callbacks", "logger", "checkpoint", "evaluation", "baseline"),
    ("config", "study"),
    (
        "cli",
        "commands",
        "sweep",
        "train",
        "fit",
        "run_loggers",
        "dashboard",
        "results",
        "run_baselines",
        "asked",
        "decodings",
        "outside",
        "memory",
        "memory_estimate",
        "footprint",
        "model_store",
        "report",
        "finished",
        "completion",
        "export",
        "model_card",
        "__main__",
    ),
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}

LONGEST_MODULE = 300
LONGEST_FUNCTION = 50


def name_of(path: Path) -> str:
    """The first part of a module's name below the package."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(tree: ast.Module):
    """Every module of the package that a module imports, wherever it does; for type checking alone does not count."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            yield node.lineno, node.module
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
            target = node.args[0]
            if isinstance(target, ast.Constant):
                yield node.lineno, target.value


def test_every_module_has_a_level():
    names = {name_of(path) for path in MODULES} - {"__init__"}
    assert names <= set(LEVEL), f"give {sorted(names - set(LEVEL))} a level"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    own = name_of(path)
    if own == "__init__":
        return
    for line, module in imported(ast.parse(path.read_text(encoding="utf-8"))):
        package, *rest = module.split(".")
        if package == "fsqa" and rest and rest[0] != own:
            assert LEVEL[rest[0]] <= LEVEL[own], f"{path.name}:{line} imports {module}, which is above it"


def test_levels_have_no_cycles():
    """Packages of one level may use each other, but not in a circle."""
    edges: dict[str, set[str]] = {}
    for path in MODULES:
        for _, module in imported(ast.parse(path.read_text(encoding="utf-8"))):
            package, *rest = module.split(".")
            if package == "fsqa" and rest and rest[0] != name_of(path) and name_of(path) != "completion":
                edges.setdefault(name_of(path), set()).add(rest[0])
    # What only the entry point starts by name does not count: cli imports commands when one is named.
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above, name])
        if name not in done:
            for below in sorted(edges.get(name, ())):
                visit(below, (*above, name))
            done.add(name)

    for name in sorted(edges):
        visit(name, ())


def test_only_one_file_makes_objects_of_configs():
    callers = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if any(
            (isinstance(node, ast.ImportFrom) and any(alias.name == "instantiate" for alias in node.names))
            or (isinstance(node, ast.Attribute) and node.attr == "instantiate")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }
    assert callers == {"config/instantiate.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_size_and_docstrings(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= LONGEST_MODULE
    if text.strip():
        assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_no_file_for_odds_and_ends():
    assert not {path.stem for path in OURS} & {"utils", "util", "helpers", "helper", "common", "misc"}


def test_configs_are_one_level_deep():
    """Hydra's own groups, such as hydra/launcher, are a level deeper by their name."""
    own = [path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*")]
    assert not [path for path in own if len(path.parts) > (3 if path.parts[0] == "hydra" else 2)]


def test_groups_have_one_name_everywhere():
    """The config group, the package and the key are called the same."""
    from fsqa.config.check import GROUPS

    groups = {path.name for path in (ROOT / "conf").iterdir() if path.is_dir()} - {"hydra"}
    assert groups == {*GROUPS, "experiment", "quantization"}, "quantization is chosen for finished runs"
    without_code = {"trainer", "optimizer"}  # classes of torch and Lightning
    assert {group for group in GROUPS if not (PACKAGE / group).is_dir()} <= without_code


def test_no_bare_except_and_no_print_in_the_lower_levels():
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"{path}:{node.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                assert LEVEL[name_of(path)] == len(LEVELS) - 1, f"{path}:{node.lineno} prints"
