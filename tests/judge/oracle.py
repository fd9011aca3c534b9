"""Requests that azure-cli sent, kept beside the tests of the local Resource Manager, and those that it sends now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tests.playing import ROOT

ORACLE: Final = ROOT / "tests" / "playground" / "azure" / "oracle"
_LOGGED: Final = "DEBUG: cli.azure.cli.core.sdk.policies: "
ABSENT: Final = "(absent)"


def kept(name: str) -> dict[str, Any]:
    """The kept request ``oracle/name.json``."""
    found: dict[str, Any] = json.loads((ORACLE / f"{name}.json").read_text())
    return found


def sent_body(logged: str, method: str) -> Any:
    """The JSON body of the one `method` request in what ``az --debug`` logged."""
    found = []
    for part in logged.split(f"{_LOGGED}Request URL:")[1:]:
        named = re.search(rf"{_LOGGED}Request method: '(\w+)'", part)
        if named and named[1] == method:
            body = part.partition(f"{_LOGGED}Request body:\n{_LOGGED}")[2].partition("\n")[0]
            found.append(json.loads(body))
    assert len(found) == 1, f"{len(found)} {method} requests with a body"
    return found[0]


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything in `node`; lists of plain values and empty things are values."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}".lstrip("."))
    elif isinstance(node, list) and node and isinstance(node[0], dict):
        for number, value in enumerate(node):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, node


def differences(theirs: Any, ours: Any) -> dict[str, tuple[Any, Any]]:
    """Path to (theirs, ours) wherever the two differ; what one of them lacks is :data:`ABSENT`."""
    left, right = dict(leaves(theirs)), dict(leaves(ours))
    paths = [*left, *(path for path in right if path not in left)]
    return {path: (left.get(path, ABSENT), right.get(path, ABSENT)) for path in paths if left.get(path, ABSENT) != right.get(path, ABSENT)}
