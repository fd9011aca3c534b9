"""JSON patch (RFC 6902), JSON merge patch (RFC 7386) and strategic merge patch (Kubernetes: patchStrategy and patchMergeKey)."""

from __future__ import annotations

import copy
from typing import Any

from playground.kubernetes.objects import Json
from playground.kubernetes.statuses import ApiError, bad_request

# Lists that merge by a key; every other list (tolerations and taints among them) is replaced as a whole.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "secrets": "name",
    "conditions": "type",
    "addresses": "type",
    "ownerReferences": "uid",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
_SETS = ("finalizers",)


def json_patch(item: Json, operations: Any) -> Json:
    """Apply RFC 6902 operations to a copy. Raises ApiError 422 where one cannot be applied, 400 where it is none."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result: Any = copy.deepcopy(item)
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            message = f"the server rejected our request due to an error in our request: {operation.get('op')} operation does not apply: {error}"
            raise ApiError(422, "Invalid", message) from error
    if not isinstance(result, dict):
        raise bad_request("the patch does not leave an object")
    return result


def _operate(root: Any, operation: Json) -> Any:
    kind, path = operation["op"], _pointer(operation["path"])
    if kind in ("add", "replace"):
        return _put(root, path, copy.deepcopy(operation["value"]), replace=kind == "replace")
    if kind == "remove":
        _take(root, path)
        return root
    if kind == "test":
        if _read(root, path) != operation.get("value"):
            raise ValueError(f"testing path {operation['path']} value failed")
        return root
    if kind in ("move", "copy"):
        source = _pointer(operation["from"])
        value = copy.deepcopy(_read(root, source))
        if kind == "move":
            _take(root, source)
        return _put(root, path, value, replace=False)
    raise ValueError(f"unexpected kind: {kind}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(f"path {text!r} does not begin with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _read(root: Any, path: list[str]) -> Any:
    for part in path:
        root = root[int(part)] if isinstance(root, list) else root[part]
    return root


def _put(root: Any, path: list[str], value: Any, *, replace: bool) -> Any:
    if not path:
        return value
    parent, last = _read(root, path[:-1]), path[-1]
    if isinstance(parent, list):
        if last == "-":
            parent.append(value)
        elif replace:
            parent[int(last)] = value
        else:
            if int(last) > len(parent):
                raise IndexError(f"index {last} is out of bounds")
            parent.insert(int(last), value)
    else:
        if replace and last not in parent:
            raise KeyError(f"missing value at {'/'.join(path)}")
        parent[last] = value
    return root


def _take(root: Any, path: list[str]) -> None:
    parent, last = _read(root, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[int(last)]
    else:
        del parent[last]


def merge_patch(item: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(item) if isinstance(item, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_patch(item: Any, patch: Any) -> Any:
    """As `kubectl apply` and `kubectl patch` send it: lists of :data:`MERGE_KEYS` merge by key, `$patch` directives are obeyed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "delete":
        return {}
    if patch.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    result = dict(item) if isinstance(item, dict) else {}
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [one for one in result.get(name) or [] if one not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _list(key, result.get(key), value)
        else:
            result[key] = strategic_patch(result.get(key), value)
    return result


def _list(name: str, present: Any, patch: list[Any]) -> list[Any]:
    present = present if isinstance(present, list) else []
    if name in _SETS:
        return [*present, *(one for one in patch if one not in present)]
    merge_key = MERGE_KEYS.get(name)
    if merge_key is None or not all(isinstance(one, dict) for one in patch):
        return copy.deepcopy(patch)
    if any(one.get("$patch") == "replace" for one in patch):
        return [copy.deepcopy(one) for one in patch if "$patch" not in one]
    result = list(present)
    for one in patch:
        if merge_key not in one:
            raise bad_request(f"map: {one} does not contain declared merge key: {merge_key}")
        index = next((i for i, there in enumerate(result) if there.get(merge_key) == one[merge_key]), None)
        if one.get("$patch") == "delete":
            result = [there for there in result if there.get(merge_key) != one[merge_key]]
        elif index is None:
            result.append(strategic_patch({}, one))
        else:
            result[index] = strategic_patch(result[index], one)
    return result
