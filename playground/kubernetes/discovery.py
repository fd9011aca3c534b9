"""What the server says of itself: versions, groups, resources (Kubernetes: discovery API, the unaggregated form)."""

from __future__ import annotations

from playground.kubernetes.calls import _SUBRESOURCES as SUBRESOURCES
from playground.kubernetes.objects import Json
from playground.kubernetes.resources import RESOURCES, REVIEWS, Resource
from playground.kubernetes.statuses import no_such_path

_GROUPS = tuple(dict.fromkeys((one.group, one.version) for one in (*RESOURCES, *REVIEWS) if one.group))


def discover(path: str, version: str, address: str) -> Json | str | None:
    """The document at `path` (no leading slash), None where it is not one of discovery. Raises ApiError 404 for unknown groups."""
    if path in ("healthz", "livez", "readyz"):
        return "ok"
    if path == "version":
        return _version(version)
    if path == "api":
        ranges = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": ranges}
    if path == "apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*pair) for pair in _GROUPS]}
    if path == "api/v1":
        return _resources("", "v1")
    parts = path.split("/")
    if parts[0] == "apis" and len(parts) == 2:
        found = next((pair for pair in _GROUPS if pair[0] == parts[1]), None)
        if found is None:
            raise no_such_path()
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(*found)}
    if parts[0] == "apis" and len(parts) == 3:
        if (parts[1], parts[2]) not in _GROUPS:
            raise no_such_path()
        return _resources(parts[1], parts[2])
    return None


def _version(version: str) -> Json:
    major, minor, *_ = version.split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "gitVersion": f"v{version}",
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-08-01T00:00:00Z",
        "goVersion": "go1.25.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _group(group: str, version: str) -> Json:
    entry = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [entry], "preferredVersion": entry}


def _resources(group: str, version: str) -> Json:
    entries: list[Json] = []
    for one in (*RESOURCES, *REVIEWS):
        if (one.group, one.version) == (group, version):
            entries.append(_entry(one))
            entries += [_sub(one, name) for name in SUBRESOURCES.get(one.plural, ())]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/{version}" if group else version, "resources": entries}


def _entry(one: Resource) -> Json:
    entry: Json = {"name": one.plural, "singularName": one.kind.lower(), "namespaced": one.namespaced, "kind": one.kind, "verbs": list(one.verbs)}
    if one.short:
        entry["shortNames"] = list(one.short)
    if one.categories:
        entry["categories"] = list(one.categories)
    return entry


def _sub(one: Resource, name: str) -> Json:
    verbs = {"log": ["get"], "eviction": ["create"], "binding": ["create"], "finalize": ["update"]}.get(name, ["get", "patch", "update"])
    kind = {"eviction": "Eviction", "binding": "Binding"}.get(name, one.kind)
    return {"name": f"{one.plural}/{name}", "singularName": "", "namespaced": one.namespaced, "kind": kind, "verbs": verbs}
