"""Decoding of request bodies by Kubernetes' own types (``types.json``): wrong types are refused, unknown fields dropped or refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from playground.kubernetes.calls import Call
from playground.kubernetes.objects import Json, name_of, namespace_of
from playground.kubernetes.statuses import ApiError, bad_request

_GO = {"string": "string", "integer": "int32", "boolean": "bool", "number": "float64", "time": "Time"}
_PYTHON: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float), "time": (str,), "boolean": (bool,)}


@cache
def types() -> dict[str, dict[str, Any]]:
    """Type name → field → type; written by :mod:`playground.kubernetes.typegen`."""
    loaded: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("types.json").read_text())
    return loaded


def decode(call: Call, item: Json, *, applied: bool = False) -> Json:
    """`item` without nulls and unknown fields; quantities as text.

    `fieldValidation` says what happens to unknown fields: Ignore, Warn (the default: a Warning header) or Strict (400). Server-side apply
    refuses them in any case. Raises ApiError 400 for wrong types.
    """
    kind = call.target.resource.kind
    if kind not in types():
        return item
    decoder = _Decoder(kind, call.target.resource.version)
    result: Json = decoder.value(kind, item, "")
    mode = call.query.get("fieldValidation") or "Warn"
    if mode not in ("Ignore", "Warn", "Strict"):
        raise bad_request(f'fieldValidation: Unsupported value: "{mode}": supported values: "", "Ignore", "Strict", "Warn"')
    if decoder.unknown and mode == "Strict":
        listed = ", ".join(f'unknown field "{path}"' for path in decoder.unknown)
        raise bad_request(f'{kind} in version "{call.target.resource.version}" cannot be handled as a {kind}: strict decoding error: {listed}')
    if decoder.unknown and applied:
        where = f"{namespace_of(item)}/{name_of(item)}; {call.target.resource.api_version}, Kind={kind}"
        message = f"failed to create typed patch object ({where}): .{decoder.unknown[0]}: field not declared in schema"
        raise ApiError(500, "", message)
    if mode == "Warn":
        call.warnings.extend(f'unknown field "{path}"' for path in decoder.unknown)
    return result


class _Decoder:
    """Walks one object; `unknown` collects the paths of fields that its type does not have."""

    def __init__(self, kind: str, version: str) -> None:
        self._head = f'{kind} in version "{version}" cannot be handled as a {kind}: json: cannot unmarshal'
        self.unknown: list[str] = []

    def value(self, kind: Any, value: Any, path: str) -> Any:
        """`value` as the type `kind`."""
        if isinstance(kind, dict):
            return self._many(kind, value, path)
        if kind == "any":
            return value
        if kind == "quantity":
            return self._quantity(value, path)
        if kind == "int-or-string":
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise self._wrong(value, path, "intstr.IntOrString")
            return value
        if kind in _PYTHON:
            if not isinstance(value, _PYTHON[kind]) or (kind != "boolean" and isinstance(value, bool)):
                raise self._wrong(value, path, _GO[kind])
            return value
        return self._struct(str(kind), value, path)

    def _struct(self, kind: str, value: Any, path: str) -> Json:
        if not isinstance(value, dict):
            raise self._wrong(value, path, kind)
        fields, result = types()[kind], {}
        for key, inner in value.items():
            at = f"{path}.{key}" if path else str(key)
            if key not in fields:
                self.unknown.append(at)
            elif inner is not None:
                result[key] = self.value(fields[key], inner, at)
        return result

    def _many(self, kind: Json, value: Any, path: str) -> Any:
        if "list" in kind:
            if not isinstance(value, list):
                raise self._wrong(value, path, f"[]{kind['list']}")
            return [self.value(kind["list"], one, f"{path}[{index}]") for index, one in enumerate(value)]
        if not isinstance(value, dict):
            raise self._wrong(value, path, f"map[string]{kind['map']}")
        return {str(key): self.value(kind["map"], one, f"{path}.{key}") for key, one in value.items() if one is not None}

    def _quantity(self, value: Any, path: str) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(value, path, "resource.Quantity")
        return str(value)

    def _wrong(self, value: Any, path: str, wanted: str) -> ApiError:
        names: dict[type, str] = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
        return bad_request(f"{self._head} {names.get(type(value), 'null')} into Go struct field .{path} of type {wanted}")
