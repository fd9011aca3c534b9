"""A request, understood: which cluster, who, which verb on what (Kubernetes: RequestInfo)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from playground.kubernetes import protobuf
from playground.kubernetes.objects import Json
from playground.kubernetes.resources import BY_PATH, Resource
from playground.kubernetes.statuses import bad_request, no_such_path, unsupported_media

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster
    from playground.kubernetes.rbac import User

_TYPES = ("application/json", "application/yaml")
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_SUBRESOURCES = {"pods": ("log", "status", "eviction", "binding"), "nodes": ("status",), "jobs": ("status",), "daemonsets": ("status",),
                 "namespaces": ("status", "finalize")}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """What a path names; `name` is empty for collections, `namespace` for all namespaces and for cluster-wide objects."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True)
class Call:
    """One authorised request for objects."""

    cluster: Cluster
    user: User
    target: Target
    query: Mapping[str, str]
    agent: str
    warnings: list[str] = field(default_factory=list)

    def flag(self, name: str) -> bool:
        """A boolean query parameter."""
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """A whole, not negative query parameter; raises ApiError 400."""
        text = self.query.get(name)
        if text is None or text == "":
            return None
        if not text.isdigit():
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        return int(text)

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored; raises ApiError 400 for a value other than All."""
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            raise bad_request(f'Invalid value: ["{value}"]: Unsupported value: "{value}": supported values: "All"')
        return bool(value)

    @property
    def manager(self) -> str:
        """The field manager: asked for, or the user agent's name."""
        return self.query.get("fieldManager") or self.agent.partition("/")[0] or "unknown"


def target_of(path: str) -> Target:
    """What `path` (below the cluster's prefix, without leading slash) names. Raises ApiError 404 for types that are not served."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in _SUBRESOURCES["namespaces"]:
        namespace, rest = rest[1], rest[2:]
    resource = BY_PATH.get((group, version, rest[0])) if rest else None
    if resource is None or (namespace and not resource.namespaced) or len(rest) > 3:
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource and subresource not in _SUBRESOURCES.get(resource.plural, ()):
        raise no_such_path()
    if name and resource.namespaced and not namespace:
        raise no_such_path()
    return Target(resource, namespace, name, subresource)


def parsed(raw: bytes, content_type: str) -> Any:
    """A JSON, YAML or (where kubectl insists) protobuf body. Raises ApiError 400, 415."""
    kind = content_type.partition(";")[0].strip() or "application/json"
    if kind == "application/vnd.kubernetes.protobuf":
        return protobuf.decode(raw)
    if kind not in _TYPES and kind not in PATCH_TYPES:
        raise unsupported_media(_TYPES)
    try:
        if kind.endswith("yaml"):
            return yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
        return json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error


def as_object(body: Any, target: Target) -> Json:
    """`body` as an object of the target's kind, name and namespace filled in. Raises ApiError 400."""
    resource = target.resource
    if not isinstance(body, dict):
        raise bad_request(f"json: cannot unmarshal into Go value of type {resource.kind}")
    body.setdefault("apiVersion", resource.api_version)
    body.setdefault("kind", resource.kind)
    if (body["apiVersion"], body["kind"]) != (resource.api_version, resource.kind):
        raise bad_request(
            f'{body["kind"]} in version "{str(body["apiVersion"]).rpartition("/")[2]}" cannot be handled as a {resource.kind}: '
            f"the object provided is unrecognized (must be of type {resource.kind})"
        )
    if not isinstance(body.get("metadata"), dict):
        body["metadata"] = {}
    meta = body["metadata"]
    if resource.namespaced:
        if meta.get("namespace") not in (None, "", target.namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        meta["namespace"] = target.namespace
    else:
        meta.pop("namespace", None)
    if target.name and meta.get("name") not in (None, "", target.name):
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})")
    if target.name:
        meta["name"] = target.name
    return body
