"""Which fault effects the playground's code knows, read from the calls that take them."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from playground.traffic import HTTP_EFFECTS
from tests.playing import ROOT

WIRE = "every service"


def known() -> set[tuple[str, str]]:
    """(service, effect) of every effect; those of the HTTP layer stand under :data:`WIRE`."""
    found = {(WIRE, effect) for effect in HTTP_EFFECTS}
    for path in sorted((ROOT / "playground").rglob("*.py")):
        tree = ast.parse(path.read_text())
        for call in ast.walk(tree):
            service = _service(call)
            if isinstance(call, ast.Call) and service:
                module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
                found |= {(service, effect) for given in call.args[2:] for effect in _named(given, module, tree)}
    return found


def _service(node: ast.AST) -> str:
    """The service of a call ``….take("service", subject, effect…)``, or nothing."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "take" and len(node.args) > 2):
        return ""
    first = node.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _named(node: ast.expr, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """The effects that an argument stands for: a text, a constant of the module, or whatever texts a local name can hold."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.Starred):
        yield from _named(node.value, module, tree)
    elif isinstance(node, ast.Name):
        value = getattr(module, node.id, None)
        if isinstance(value, str):
            yield value
        elif value is not None:
            yield from value
        else:
            yield from _assigned(node.id, module, tree)
    else:
        raise AssertionError(f"{Path(module.__file__ or '').name}: cannot tell which effects {ast.unparse(node)} stands for")


def _assigned(name: str, module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """The texts assigned to a local name; for a parameter, the module's EFFECTS."""
    values = [
        one.value
        for one in ast.walk(tree)
        if isinstance(one, ast.Assign) and any(isinstance(target, ast.Name) and target.id == name for target in one.targets)
    ]
    if not values:
        yield from module.EFFECTS
    for value in values:
        yield from (part.value for part in ast.walk(value) if isinstance(part, ast.Constant) and isinstance(part.value, str))
