"""What a class or function takes, read from its source without importing it.

Importing torch to learn that a key is misspelt would take seconds; reading one file takes milliseconds.
"""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Signature:
    """The keyword arguments of a callable, with their annotations as source."""

    parameters: dict[str, ast.expr | None]
    required: frozenset[str]
    """Those without a default."""
    open: bool
    """Whether it takes any further keyword (``**kwargs``)."""


@cache
def signature(target: str) -> Signature | None:
    """Return the signature of a dotted target, or None where the source does not tell (compiled, generated)."""
    found = _find(target, hops=5)
    if found is None:
        return None
    node, module = found
    return _of_function(node, skip=0) if isinstance(node, ast.FunctionDef) else _of_class(node, module)


def names(module: str) -> list[str]:
    """List what a module defines or imports at its top level; empty where its source is not to be found."""
    path = _module_file(module)
    tree = _parse(path) if path else ast.Module(body=[], type_ignores=[])
    defined = [node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    imported = [a.asname or a.name for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names]
    return [*defined, *imported]


def _find(target: str, hops: int) -> tuple[ast.ClassDef | ast.FunctionDef, str] | None:
    """Find the definition behind a dotted name and the module it stands in, following re-exports."""
    module, _, name = target.rpartition(".")
    path = _module_file(module)
    if path is None or not hops:
        return None
    tree = _parse(path)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node, module
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(f"{_source(node, module, path)}.{alias.name}", hops - 1)
    return None


def _source(node: ast.ImportFrom, module: str, path: Path) -> str:
    """Return the absolute module that a ``from ... import`` names."""
    if not node.level:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _module_file(module: str) -> Path | None:
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top) if top else None
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin.endswith(".py") else None
    place = Path(spec.origin).parent.joinpath(*rest)
    candidates = (place.with_name(f"{place.name}.py"), place / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _of_class(node: ast.ClassDef, module: str) -> Signature | None:
    """Read a constructor: written out, made by ``dataclass`` from fields, or inherited."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return _of_function(item, skip=1)
    bases = [signature(f"{module}.{base.id}") for base in node.bases if isinstance(base, ast.Name)]
    inherited = next((base for base in bases if base is not None), None)
    if not any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        return inherited
    above = inherited or Signature(parameters={}, required=frozenset(), open=False)
    fields = {
        item.target.id: item
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and not _of_the_class(item)
    }
    return Signature(
        parameters=above.parameters | {name: item.annotation for name, item in fields.items()},
        required=above.required | {name for name, item in fields.items() if item.value is None},
        open=above.open,
    )


def _of_the_class(item: ast.AnnAssign) -> bool:
    return ast.unparse(item.annotation).startswith("ClassVar")


def _of_function(node: ast.FunctionDef, skip: int) -> Signature:
    positional = [*node.args.posonlyargs, *node.args.args]
    plain = positional[: len(positional) - len(node.args.defaults)][skip:]
    keywords = [a for a, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if default is None]
    return Signature(
        parameters={a.arg: a.annotation for a in [*positional[skip:], *node.args.kwonlyargs]},
        required=frozenset(a.arg for a in [*plain, *keywords]),
        open=node.args.kwarg is not None,
    )


def mismatch(value: object, annotation: ast.expr | None) -> bool:
    """Say whether a plain config value surely does not fit an annotation; what cannot be told fits."""
    match annotation:
        case ast.Constant(value=None):
            return value is not None
        case ast.Constant(value=str(text)):
            return mismatch(value, ast.parse(text, mode="eval").body)
        case ast.Name(id=name):
            return _not_plain(value, name)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return mismatch(value, left) and mismatch(value, right)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return value is not None and mismatch(value, inner)
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=choices)):
            return all(mismatch(value, choice) for choice in choices)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            choices = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return value not in [choice.value for choice in choices if isinstance(choice, ast.Constant)]
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return not isinstance(value, list) or any(mismatch(item, inner) for item in value)
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, inner])):
            return not isinstance(value, dict) or any(mismatch(item, inner) for item in value.values())
    return False


def _not_plain(value: object, name: str) -> bool:
    match name:
        case "bool":
            return not isinstance(value, bool)
        case "int":
            return not isinstance(value, int) or isinstance(value, bool)
        case "float":
            return not isinstance(value, int | float) or isinstance(value, bool)
        case "str":
            return not isinstance(value, str)
        case "None":
            return value is not None
        case "Tensor":
            return True  # no YAML value is one
    return False
