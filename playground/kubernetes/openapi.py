"""As much of ``/openapi/v3`` as kubectl needs: that the server validates fields itself, and which fields there are."""

from __future__ import annotations

import hashlib
from typing import Any

from playground.kubernetes.objects import Json
from playground.kubernetes.resources import RESOURCES, Resource
from playground.kubernetes.schema import types
from playground.kubernetes.statuses import no_such_path


def document(path: str, prefix: str) -> Json | None:
    """The document at `path` (below the cluster's `prefix`), None where it is not one. Raises ApiError 404 for unknown groups."""
    if path == "openapi/v3":
        groups = dict.fromkeys(_root(one) for one in RESOURCES)
        hashed = hashlib.sha256(prefix.encode()).hexdigest()[:16].upper()
        return {"paths": {root: {"serverRelativeURL": f"{prefix}/openapi/v3/{root}?hash={hashed}"} for root in groups}}
    if not path.startswith("openapi/v3/"):
        return None
    chosen = [one for one in RESOURCES if _root(one) == path.removeprefix("openapi/v3/")]
    if not chosen:
        raise no_such_path()
    paths: Json = {}
    for one in chosen:
        scope = "namespaces/{namespace}/" if one.namespaced else ""
        paths[f"/{_root(one)}/{scope}{one.plural}"] = {"post": _operation(one, "post")}
        item = {verb: _operation(one, verb) for verb in ("get", "put", "patch", "delete")}
        paths[f"/{_root(one)}/{scope}{one.plural}/{{name}}"] = item
    info = {"title": "Kubernetes", "version": "v1"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": _schemas(chosen)}}


def _root(one: Resource) -> str:
    return f"apis/{one.group}/{one.version}" if one.group else f"api/{one.version}"


def _names(one: Resource) -> Json:
    return {"group": one.group, "version": one.version, "kind": one.kind}


def _operation(one: Resource, verb: str) -> Json:
    action = "patch" if verb == "patch" else verb
    parameters = []
    if verb in ("post", "put", "patch"):
        parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldManager", "fieldValidation")]
    schema = {"$ref": f"#/components/schemas/{one.kind}"}
    return {
        "operationId": f"{verb}{one.kind}",
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _names(one),
    }


def _schemas(chosen: list[Resource]) -> Json:
    wanted, found = [one.kind for one in chosen], {}
    kinds = {one.kind: one for one in chosen}
    while wanted:
        name = wanted.pop()
        if name in found or name not in types():
            continue
        schema: Json = {"type": "object", "properties": {field: _schema(kind, wanted) for field, kind in types()[name].items()}}
        if name in kinds:
            schema["x-kubernetes-group-version-kind"] = [_names(kinds[name])]
        found[name] = schema
    return found


def _schema(kind: Any, wanted: list[str]) -> Json:
    if isinstance(kind, dict):
        if "list" in kind:
            return {"type": "array", "items": _schema(kind["list"], wanted)}
        return {"type": "object", "additionalProperties": _schema(kind["map"], wanted)}
    if kind in ("string", "integer", "boolean", "number"):
        return {"type": kind}
    if kind in ("quantity", "time"):
        return {"type": "string"}
    if kind in ("any", "int-or-string"):
        return {"x-kubernetes-int-or-string": True} if kind == "int-or-string" else {"type": "object"}
    wanted.append(kind)
    return {"allOf": [{"$ref": f"#/components/schemas/{kind}"}]}
