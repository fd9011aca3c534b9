"""Kubernetes versions that AKS offers (AKS: supported Kubernetes versions), and which may be combined."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from playground.azure.catalogue import HERE, region_named
from playground.azure.errors import ArmError, refused
from playground.azure.state import subscription_of
from playground.azure.wire import route

VERSIONS: Final[list[dict[str, Any]]] = json.loads((HERE / "versions.json").read_text())
DEFAULT: Final = next(str(row["patches"][-1]) for row in VERSIONS if row.get("default"))
HINT: Final = (
    "Please use [az aks get-versions] command to get the supported version list in this region. "
    "For more information, please check https://aka.ms/supported-version-list"
)


def resolved(wanted: str | None, *, long_term: bool = False) -> str | None:
    """The patch version for `1.35` (newest patch) or `1.35.1` (itself); None where AKS does not support it."""
    if not wanted:
        return DEFAULT
    for row in VERSIONS:
        if "KubernetesOfficial" not in row["plans"] and not long_term:
            continue
        if wanted == row["version"]:
            return str(row["patches"][-1])
        if wanted in row["patches"]:
            return wanted
    return None


def minor(version: str) -> int:
    """The middle number of `1.35.3`."""
    return int(version.split(".")[1])


def cluster_version(name: str, wanted: str | None, *, long_term: bool) -> str:
    """For a managed cluster; raises 400 K8sVersionNotSupported."""
    version = resolved(wanted, long_term=long_term)
    if version is None:
        raise refused("K8sVersionNotSupported", f"Managed cluster {name} is on version {wanted} which is not supported in this region. {HINT}")
    return version


def upgraded_version(name: str, current: str, wanted: str, *, long_term: bool) -> str:
    """For an upgrade: one minor version at a time, never back."""
    if wanted == current or current.startswith(f"{wanted}."):
        return current
    version = cluster_version(name, wanted, long_term=long_term)
    if [int(part) for part in version.split(".")] < [int(part) for part in current.split(".")] or minor(version) > minor(current) + 1:
        raise refused("OperationNotAllowed", f"Upgrading Kubernetes version {current} to {wanted} is not allowed. {HINT}")
    return version


def pool_version(wanted: str | None, control_plane: str) -> str:
    """For a node pool: never newer than the control plane, at most three minor versions older."""
    if not wanted or control_plane.startswith(f"{wanted}."):
        return control_plane
    version = wanted if wanted == control_plane else resolved(wanted, long_term=True)
    if version is None:
        raise refused("AgentPoolK8sVersionNotSupported", f"Version {wanted} is not supported in this region. {HINT}")
    if not minor(control_plane) - 3 <= minor(version) <= minor(control_plane):
        raise refused("NodePoolMcVersionIncompatible", f"Node pool version {version} and control plane version {control_plane} are incompatible.")
    return version


async def list_versions(request: web.Request) -> web.Response:
    """GET …/locations/{location}/kubernetesVersions."""
    subscription = subscription_of(request)
    subscription.buckets.aks("Other", subscription.id)
    location = request.match_info["location"]
    if region_named(location) is None:
        raise ArmError(400, "LocationNotAvailableForResourceType", f"The provided location '{location}' is not available.")
    values = []
    for number, row in enumerate(VERSIONS):
        later = VERSIONS[number + 1]["patches"] if number + 1 < len(VERSIONS) else []
        patches = {patch: {"upgrades": row["patches"][place + 1 :] + later} for place, patch in enumerate(row["patches"])}
        value = {"version": row["version"], "capabilities": {"supportPlan": row["plans"]}, "patchVersions": patches}
        value |= {"isDefault": True} if row.get("default") else {}
        values.append(value | {"isPreview": row.get("preview") or None})
    return web.json_response({"values": values})


ROUTES: Final = [route("GET", "/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{location}/kubernetesVersions", list_versions)]
