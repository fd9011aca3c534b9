"""Server-side apply and field managers (Kubernetes: Server-Side Apply, Field Management)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from playground.kubernetes.fieldsets import (
    LIST_KEYS,
    MISSING,
    FieldSet,
    Path,
    element_of,
    fields_of,
    from_v1,
    matches,
    pretty,
    remove_at,
    to_v1,
    value_at,
)
from playground.kubernetes.objects import Json
from playground.kubernetes.resources import Resource
from playground.kubernetes.statuses import ApiError, bad_request

_ATOMIC_MAPS = ("selector", "nodeSelector", "labelSelector")


@dataclass(frozen=True)
class Manager:
    """Who writes: `operation` is Apply or Update; `subresource` e.g. ``status``."""

    name: str
    operation: str = "Update"
    subresource: str = ""


Owners = dict[Manager, tuple[FieldSet, str]]


def owners_of(item: Json) -> Owners:
    """`metadata.managedFields`, parsed: manager → (fields, time)."""
    owners: Owners = {}
    for entry in item["metadata"].get("managedFields") or []:
        manager = Manager(entry.get("manager", ""), entry.get("operation", "Update"), entry.get("subresource", ""))
        owners[manager] = (from_v1(entry.get("fieldsV1") or {}), entry.get("time", ""))
    return owners


def write_owners(item: Json, owners: Owners) -> None:
    """Put `owners` back into `metadata.managedFields`; managers that own nothing are left out."""
    entries = []
    for manager, (fields, time) in owners.items():
        if not fields:
            continue
        entry: Json = {"manager": manager.name, "operation": manager.operation, "apiVersion": item["apiVersion"], "time": time}
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": to_v1(fields)}
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    item["metadata"]["managedFields"] = entries


def updated(before: Json | None, item: Json, manager: Manager, now: str) -> None:
    """Record on `item` that `manager` changed (by create, PUT or patch) what differs from `before`."""
    owners = owners_of(before) if before is not None else {}
    present = fields_of(item)
    old = before
    changed = present if old is None else frozenset(path for path in present if value_at(item, path) != value_at(old, path))
    for other, (fields, time) in list(owners.items()):
        owners[other] = ((fields - changed) & present if other != manager else fields & present, time)
    own, time = owners.get(manager, (frozenset(), now))
    if changed - own:
        owners[manager] = (own | changed, now)
    write_owners(item, owners)


def apply_patch(resource: Resource, live: Json | None, wanted: Json, manager: Manager, *, force: bool, now: str) -> Json:
    """The object after `manager` applied `wanted`. Raises ApiError 409 with a cause for each field that another manager holds."""
    wanted = copy.deepcopy(wanted)
    if wanted["metadata"].pop("managedFields", None):
        raise bad_request("metadata.managedFields must be nil")
    applied = fields_of(wanted)
    if live is None:
        write_owners(wanted, {manager: (applied, now)})
        return wanted
    owners = owners_of(live)
    taken = {
        other: frozenset(path for path in applied & fields if path[-1] != "." and value_at(live, path) != value_at(wanted, path))
        for other, (fields, _) in owners.items()
        if other != manager
    }
    if not force and any(taken.values()):
        raise _conflict(resource, {other: paths for other, paths in taken.items() if paths})
    merged: Json = _merged("", live, wanted)
    previous, time = owners.get(manager, (frozenset(), now))
    held = frozenset[Path]().union(*(fields for other, (fields, _) in owners.items() if other != manager))
    # Whole items first: an item stripped of its key could no longer be found.
    for path in sorted(previous - applied - held, key=lambda path: (path[-1] != ".", -len(path))):
        if path[-1] != "." or not any(other[: len(path) - 1] == path[:-1] for other in held | applied):
            remove_at(merged, path)
    owners = {other: (fields - taken.get(other, frozenset()), at) for other, (fields, at) in owners.items()}
    same = applied == previous and _without_owners(merged) == _without_owners(live)
    owners[manager] = (applied, time if same else now)
    write_owners(merged, owners)
    return merged


def _without_owners(item: Json) -> Json:
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "managedFields"}}


def _merged(name: str, live: Any, wanted: Any) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict) and name not in _ATOMIC_MAPS:
        result = copy.deepcopy(live)
        for key, value in wanted.items():
            result[key] = _merged(key, live.get(key, MISSING), value)
        return result
    if isinstance(wanted, list) and isinstance(live, list) and name == "finalizers":
        return [*live, *(one for one in wanted if one not in live)]
    if isinstance(wanted, list) and isinstance(live, list) and name in LIST_KEYS and all(isinstance(one, dict) for one in wanted):
        result_list = copy.deepcopy(live)
        for one in wanted:
            element = element_of(name, one)
            index = next((i for i, there in enumerate(result_list) if matches(element, there)), None)
            if index is None:
                result_list.append(copy.deepcopy(one))
            else:
                result_list[index] = _merged("", result_list[index], one)
        return result_list
    return copy.deepcopy(wanted)


def _conflict(resource: Resource, taken: dict[Manager, FieldSet]) -> ApiError:
    """In the words of managedfields' NewConflictError: a version is named for those who wrote by Update only, for one conflict on one line."""
    causes, lines = [], []
    for other, paths in sorted(taken.items(), key=lambda pair: pair[0].name):
        who = _who(other, resource)
        fields = [pretty(path) for path in sorted(paths)]
        causes += [{"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": field} for field in fields]
        lines += [f"conflicts with {who}:", *(f"- {field}" for field in fields)]
    if len(causes) == 1:
        text = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        text = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", text, {"causes": causes})


def _who(manager: Manager, resource: Resource) -> str:
    who = f'"{manager.name}"' + (f' with subresource "{manager.subresource}"' if manager.subresource else "")
    return who if manager.operation == "Apply" else f"{who} using {resource.api_version}"
