"""Readers of Kubernetes objects that arrive as plain JSON: small, forgiving of absent fields, never of wrong meanings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from bot.cluster.quantities import devices

Json = dict[str, Any]

GPU: Final = "nvidia.com/gpu"
MIG: Final = "nvidia.com/mig-"
TERMINAL: Final = ("Succeeded", "Failed")

OP_LABEL: Final = "quartermaster-op"
OWNER_LABEL: Final = "quartermaster-owner"
CHANNEL_NOTE: Final = "quartermaster-channel"
THREAD_NOTE: Final = "quartermaster-thread"
EXPIRES_NOTE: Final = "quartermaster-expires"
_RESOURCE: Final = re.compile(
    r"cpu|memory|ephemeral-storage|hugepages-[1-9][0-9]{0,3}[MG]i|nvidia\.com/gpu|nvidia\.com/mig-[a-z0-9]{1,20}(?:[.-][a-z0-9]{1,20}){0,4}"
)
# The taints of GPU pools: the AKS article's, the best-practices article's, and the one that AKS puts on Spot pools.
GPU_TOLERATIONS: Final[tuple[Json, ...]] = (
    {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
    {"key": GPU, "operator": "Exists", "effect": "NoSchedule"},
)
SPOT_TOLERATION: Final[Json] = {"key": "kubernetes.azure.com/scalesetpriority", "operator": "Equal", "value": "spot", "effect": "NoSchedule"}
OURS: Final = {"app.kubernetes.io/managed-by": "quartermaster"}


def is_resource(name: str) -> bool:
    """Whether a job may ask for a resource of that name; devices other than NVIDIA's would not be counted, and names of no form would be quoted."""
    return _RESOURCE.fullmatch(name) is not None


def is_gpu(resource: str) -> bool:
    """Whether a resource name counts NVIDIA devices: whole (`nvidia.com/gpu`) or MIG slices (`nvidia.com/mig-1g.5gb`)."""
    return resource == GPU or resource.startswith(MIG)


def meta(item: Json) -> Json:
    """An object's metadata."""
    found: Json = item.get("metadata") or {}
    return found


def name_of(item: Json) -> str:
    """An object's name."""
    return str(meta(item).get("name") or "")


def labels_of(item: Json) -> Json:
    """An object's labels."""
    found: Json = meta(item).get("labels") or {}
    return found


def notes_of(item: Json) -> Json:
    """An object's annotations."""
    found: Json = meta(item).get("annotations") or {}
    return found


def when(text: object) -> datetime | None:
    """A Kubernetes timestamp as an aware datetime; None for absent or malformed."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def condition(item: Json, kind: str) -> Json:
    """The status condition of that type, or an empty one."""
    for found in (item.get("status") or {}).get("conditions") or ():
        if found.get("type") == kind:
            return dict(found)
    return {}


def is_true(item: Json, kind: str) -> bool:
    """Whether the condition of that type is "True"; "Unknown" and absent are not."""
    return condition(item, kind).get("status") == "True"


def statuses(pod: Json) -> Iterator[Json]:
    """The status of each container, init containers first."""
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def restarts_of(pod: Json) -> int:
    """How often containers of the pod were started again."""
    return sum(int(status.get("restartCount") or 0) for status in statuses(pod))


def is_ready(pod: Json) -> bool:
    """Whether a pod is running and ready and not on its way out."""
    return (pod.get("status") or {}).get("phase") == "Running" and is_true(pod, "Ready") and not meta(pod).get("deletionTimestamp")


def owner_name(item: Json, kind: str) -> str | None:
    """The name of the owner of that kind (`Job` of a pod), if there is one."""
    for owner in meta(item).get("ownerReferences") or ():
        if owner.get("kind") == kind:
            return str(owner.get("name"))
    return None


def gpu_requests(pod: Json) -> dict[str, int]:
    """What the scheduler counts for a pod, per GPU resource.

    Kubernetes: the sum over containers and sidecars (init containers that restart always), or the largest of the ordinary init
    containers with the sidecars before it, if that is more. For extended resources a limit is a request.
    """
    spec = pod.get("spec") or {}
    sidecars: dict[str, int] = {}
    largest: dict[str, int] = {}
    for item in spec.get("initContainers") or ():
        for name, count in _asked(item).items():
            if item.get("restartPolicy") == "Always":
                sidecars[name] = sidecars.get(name, 0) + count
            largest[name] = max(largest.get(name, 0), sidecars.get(name, 0) + (count if item.get("restartPolicy") != "Always" else 0))
    total = _sum(spec.get("containers") or ())
    return {name: max(total.get(name, 0) + sidecars.get(name, 0), largest.get(name, 0)) for name in {**total, **sidecars, **largest}}


def tolerates(tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, Any]) -> bool:
    """Whether any toleration matches the taint (Kubernetes: an empty key with Exists matches all; an empty effect matches all)."""
    for item in tolerations:
        if item.get("effect") and item["effect"] != taint.get("effect"):
            continue
        if not item.get("key"):
            if item.get("operator") == "Exists":
                return True
            continue
        if item["key"] != taint.get("key"):
            continue
        if item.get("operator") == "Exists" or (item.get("value") or "") == (taint.get("value") or ""):
            return True
    return False


def taint_text(taint: Mapping[str, Any]) -> str:
    """A taint as people type it: `sku=gpu:NoSchedule`."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key')}{value}:{taint.get('effect')}"


def _asked(container: Json) -> dict[str, int]:
    resources = container.get("resources") or {}
    wanted = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
    return {name: devices(value) for name, value in wanted.items() if is_gpu(name)}


def _sum(containers: Iterable[Json]) -> dict[str, int]:
    total: dict[str, int] = {}
    for item in containers:
        for name, count in _asked(item).items():
            total[name] = total.get(name, 0) + count
    return total
