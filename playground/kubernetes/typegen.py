"""Writes ``types.json``: ``python -m playground.kubernetes.typegen``, after the official client has been updated.

The client's models are generated from Kubernetes' own OpenAPI document, so they say which fields each type has. Read at
development time only: importing them takes longer than starting the playground.
"""

from __future__ import annotations

import datetime
import json
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from playground.kubernetes.resources import RESOURCES

TYPES = Path(__file__).with_name("types.json")
# Quantities, which clients may also write as numbers; the client's models call them strings.
_QUANTITIES = {"limits", "requests", "capacity", "allocatable", "overhead", "divisor", "sizeLimit", "hard", "used", "default", "defaultRequest"}
_SCALARS = {str: "string", int: "integer", bool: "boolean", float: "number", bytes: "string", datetime.datetime: "time"}


def main() -> None:
    """From each resource's kind, everything that can be reached."""
    from kubernetes import client

    found: dict[str, Any] = {}
    for resource in RESOURCES:
        if resource.version == "v1" and hasattr(client, name := _model_name(resource.kind)):
            _visit(getattr(client, name), found)
    TYPES.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n")


def _model_name(kind: str) -> str:
    return "CoreV1Event" if kind == "Event" else f"V1{kind}"


def _short(model: type[BaseModel]) -> str:
    return model.__name__.removeprefix("Core").removeprefix("V1")


def _visit(model: type[BaseModel], found: dict[str, Any]) -> str:
    name = _short(model)
    if name not in found:
        fields: dict[str, Any] = {}
        found[name] = fields
        for key, info in model.model_fields.items():
            field = info.serialization_alias or key
            fields[field] = "quantity" if field == "divisor" or field == "sizeLimit" else _type(info.annotation, found)
            if field in _QUANTITIES and fields[field] == {"map": "string"}:
                fields[field] = {"map": "quantity"}
    return name


def _type(annotation: Any, found: dict[str, Any]) -> Any:
    origin, parts = typing.get_origin(annotation), [one for one in typing.get_args(annotation) if one is not type(None)]
    if origin is typing.Annotated:
        return _type(parts[0], found)
    if origin is typing.Union:
        kinds = {json.dumps(_type(one, found)) for one in parts}
        if kinds == {'"integer"', '"string"'}:
            return "int-or-string"
        return json.loads(sorted(kinds)[0]) if len(kinds) == 1 else "any"
    if origin is list:
        return {"list": _type(parts[0], found)}
    if origin is dict:
        return {"map": _type(parts[1], found)}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _visit(annotation, found)
    return _SCALARS.get(annotation, "any")


if __name__ == "__main__":
    main()
