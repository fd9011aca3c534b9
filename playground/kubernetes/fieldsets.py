"""Which fields an object has, as server-side apply counts them (Kubernetes: structured-merge-diff, FieldsV1).

A path is a tuple of FieldsV1 elements: ``f:spec``, ``k:{"name":"main"}``, ``v:"finalizer"``. A set holds leaves, and for each item of a
keyed list the item itself (its path followed by ``.``), so that an item can be owned and removed as a whole.
"""

from __future__ import annotations

import json
from typing import Any

from playground.kubernetes.objects import Json

Path = tuple[str, ...]
FieldSet = frozenset[Path]

# x-kubernetes-list-type: map, with its keys.
LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "protocol"),
    "imagePullSecrets": ("name",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "addresses": ("type",),
}
_KEY_DEFAULTS = {"protocol": "TCP"}
_SETS = ("finalizers",)
# x-kubernetes-map-type: atomic.
_ATOMIC = (
    "selector",
    "nodeSelector",
    "labelSelector",
    "resourceFieldRef",
    "fieldRef",
    "secretKeyRef",
    "configMapKeyRef",
    "configMapRef",
    "secretRef",
)
_NEVER = frozenset({("f:apiVersion",), ("f:kind",)})
_NO_META = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp",
            "deletionGracePeriodSeconds", "generateName")  # fmt: skip


def fields_of(item: Json) -> FieldSet:
    """The set of `item`, leaving out what nobody owns (names, uid, versions)."""
    found: set[Path] = set()
    for key, value in item.items():
        if key in ("apiVersion", "kind"):
            continue
        if key == "metadata":
            value = {k: v for k, v in value.items() if k not in _NO_META}
            if not value:
                continue
        _collect(key, value, (f"f:{key}",), found)
    return frozenset(found)


def _collect(name: str, value: Any, path: Path, found: set[Path]) -> None:
    if isinstance(value, dict) and value and name not in _ATOMIC:
        for key, inner in value.items():
            _collect(key, inner, (*path, f"f:{key}"), found)
    elif isinstance(value, list) and name in _SETS:
        found.update((*path, "v:" + json.dumps(one)) for one in value)
    elif isinstance(value, list) and value and name in LIST_KEYS and all(isinstance(one, dict) for one in value):
        for one in value:
            element = (*path, element_of(name, one))
            found.add((*element, "."))
            for key, inner in one.items():
                _collect(key, inner, (*element, f"f:{key}"), found)
    else:
        found.add(path)


def element_of(name: str, item: Json) -> str:
    """The FieldsV1 element of an item of the keyed list `name`."""
    keys = {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(LIST_KEYS[name])}
    return "k:" + json.dumps({key: value for key, value in keys.items() if value is not None}, separators=(",", ":"))


def matches(element: str, item: Any) -> bool:
    """Whether a list's item is the one that a ``k:`` or ``v:`` element names."""
    wanted = json.loads(element[2:])
    if element.startswith("v:"):
        return bool(item == wanted)
    return isinstance(item, dict) and all(item.get(key, _KEY_DEFAULTS.get(key)) == value for key, value in wanted.items())


class Missing:
    """What :func:`value_at` answers where there is nothing."""


MISSING = Missing()


def value_at(item: Any, path: Path) -> Any:
    """The value at `path`, :data:`MISSING` where there is none; True for an item that is there."""
    for element in path:
        if element == ".":
            return True
        if element.startswith("f:"):
            item = item.get(element[2:], MISSING) if isinstance(item, dict) else MISSING
        else:
            item = next((one for one in item if matches(element, one)), MISSING) if isinstance(item, list) else MISSING
        if item is MISSING:
            return MISSING
    return item


def remove_at(item: Any, path: Path) -> None:
    """Take what `path` names out of `item`, and containers that this leaves empty with it."""
    if path[-1] == ".":
        path = path[:-1]
    parent = value_at(item, path[:-1]) if len(path) > 1 else item
    last = path[-1]
    if isinstance(parent, dict):
        parent.pop(last[2:], None)
    elif isinstance(parent, list):
        parent[:] = [one for one in parent if not matches(last, one)]
    if len(path) > 2 and parent in ({}, []):
        remove_at(item, path[:-1])


def to_v1(fields: FieldSet) -> Json:
    """As FieldsV1 JSON."""
    root: Json = {}
    for path in sorted(fields):
        node = root
        for element in path:
            node = node.setdefault(element, {})
    return root


def from_v1(tree: Json) -> FieldSet:
    """From FieldsV1 JSON."""
    found: set[Path] = set()

    def walk(node: Json, path: Path) -> None:
        if not node and path:
            found.add(path)
        for element, inner in node.items():
            walk(inner, (*path, element))

    walk(tree, ())
    return frozenset(found)


def pretty(path: Path) -> str:
    """As conflicts name a field: ``.spec.template.spec.containers[name="main"].image``."""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += f".{element[2:]}"
        elif element.startswith("k:"):
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(element[2:]).items()) + "]"
        elif element.startswith("v:"):
            text += f"[={element[2:]}]"
    return text
