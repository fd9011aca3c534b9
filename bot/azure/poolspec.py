"""What a node pool is to be, and the JSON that says so: everything that is fixed at creation is sent explicitly, never left to a default."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from bot import names
from bot.azure import tags as labels
from bot.azure.creation import checked_headers
from bot.azure.sizes import Size, lookup, mig_profile
from bot.errors import Refused

DriverChoice = Literal["managed", "driver-only", "none"]
Eviction = Literal["Delete", "Deallocate"]
Mode = Literal["User", "System"]

GPU_TAINT: Final = "sku=gpu:NoSchedule"
MAX_NODES: Final = 1000
OS_SKUS: Final = ("Ubuntu", "Ubuntu2204", "Ubuntu2404", "AzureLinux", "AzureLinux3")
_PREFIX = r"(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)*/)?"
_WORD = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_TAINT: Final = re.compile(rf"{_PREFIX}{_WORD}(?:=(?:{_WORD})?)?:(?:NoSchedule|PreferNoSchedule|NoExecute)")
_LABEL_KEY: Final = re.compile(rf"{_PREFIX}{_WORD}")
_LABEL_VALUE: Final = re.compile(rf"(?:{_WORD})?")
_RESERVED: Final = ("kubernetes.azure.com", "kubernetes.io", "k8s.io")


@dataclass(frozen=True)
class PoolSpec:
    """A node pool to be made.

    Either `nodes`, or `min_nodes` and `max_nodes` (the autoscaler's range). `taints` None: the GPU taint for GPU sizes, none otherwise (AKS
    adds its own to Spot pools). `spot_max_price` is dollars per hour, -1 up to the on-demand price. `headers`: AKS feature headers.
    """

    group: str
    cluster: str
    name: str
    size: str
    nodes: int | None = 1
    min_nodes: int | None = None
    max_nodes: int | None = None
    spot: bool = False
    spot_max_price: float = -1.0
    eviction: Eviction = "Delete"
    zones: Sequence[str] = ()
    mig: str | None = None
    driver: DriverChoice = "driver-only"
    taints: Sequence[str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    os_sku: str | None = None
    kubernetes_version: str | None = None
    mode: Mode = "User"
    headers: Mapping[str, str] = field(default_factory=dict)


def body(spec: PoolSpec, tags: Mapping[str, str]) -> dict[str, Any]:
    """The JSON of the creation. Raises Refused for names, values and combinations that Azure would refuse."""
    names.checked("group", spec.group)
    names.checked("cluster", spec.cluster)
    names.checked("pool", spec.name)
    checked_headers(spec.headers)
    size = lookup(spec.size)
    names.checked("size", size.name)
    floor = 1 if spec.mode == "System" else 0
    check_nodes(None if spec.min_nodes is not None else spec.nodes, spec.min_nodes, spec.max_nodes, floor=floor)
    properties: dict[str, Any] = {
        "vmSize": size.name,
        "mode": spec.mode,
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "scaleDownMode": "Delete",
        "tags": dict(tags),
        "nodeTaints": _taints(spec, isinstance(size, Size)),
        "nodeLabels": _labels(spec.labels),
    } | _counts(spec)
    if spec.spot:
        properties |= _spot(spec)
    if spec.zones:
        properties["availabilityZones"] = [names.checked("zone", zone) for zone in spec.zones]
    if spec.os_sku is not None:
        properties["osSKU"] = _os_sku(spec.os_sku)
    if spec.kubernetes_version is not None:
        properties["orchestratorVersion"] = names.checked("version", spec.kubernetes_version)
    if isinstance(size, Size):
        properties |= _gpu(spec, size)
        asked = f"{spec.driver} {properties.get('gpuInstanceProfile', '')}".rstrip()
        properties["tags"] |= {labels.PROFILE: asked} if labels.ours(tags) else {}
    elif spec.mig:
        raise Refused("azure.mig_unsupported", size=size.name)
    return {"properties": properties}


def check_nodes(nodes: int | None, min_nodes: int | None, max_nodes: int | None, *, floor: int) -> None:
    """Raises Refused for counts that AKS refuses: below `floor` (1 for system pools), above 1000, a range upside down or half given."""
    if min_nodes is None and max_nodes is None:
        if nodes is None or not floor <= nodes <= MAX_NODES:
            raise Refused("azure.node_count", nodes="nothing" if nodes is None else nodes, floor=floor)
        return
    if min_nodes is None or max_nodes is None or not floor <= min_nodes <= max_nodes <= MAX_NODES or max_nodes < 1:
        raise Refused("azure.bounds", min=min_nodes, max=max_nodes, floor=floor)


def _counts(spec: PoolSpec) -> dict[str, Any]:
    if spec.min_nodes is None or spec.max_nodes is None:
        return {"count": spec.nodes, "enableAutoScaling": False}
    if spec.driver == "managed" and isinstance(lookup(spec.size), Size):
        raise Refused("azure.managed_autoscaler")
    count = min(max(spec.nodes or 0, spec.min_nodes), spec.max_nodes)
    return {"count": count, "enableAutoScaling": True, "minCount": spec.min_nodes, "maxCount": spec.max_nodes}


def _gpu(spec: PoolSpec, size: Size) -> dict[str, Any]:
    """``gpuProfile``, always whole: the documentation contradicts itself on the default, and it cannot be changed later."""
    if size.driver == "amd":
        if spec.driver != "none":
            raise Refused("azure.driver_amd", model=size.model)
        wanted: dict[str, Any] = {"gpuProfile": {"driver": "None"}}
    else:
        mode = "Managed" if spec.driver == "managed" else "Unmanaged"
        wanted = {"gpuProfile": {"driver": "None" if spec.driver == "none" else "Install", "nvidia": {"managementMode": mode}}}
    if spec.mig:
        profile = mig_profile(spec.mig)
        if profile is None:
            raise Refused("azure.mig_profile", mig=spec.mig[:40])
        if not size.mig:
            raise Refused("azure.mig_unsupported", size=size.name)
        wanted["gpuInstanceProfile"] = profile
    return wanted


def _spot(spec: PoolSpec) -> dict[str, Any]:
    price = spec.spot_max_price
    if price != -1 and not (0 < price < 10_000 and round(price, 5) == price):
        raise Refused("azure.spot_price", price=price)
    if spec.mode == "System":
        raise Refused("azure.system_pool", pool=spec.name)
    return {"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": spec.eviction, "spotMaxPrice": price}


def _taints(spec: PoolSpec, gpu: bool) -> list[str]:
    if spec.taints is None:
        return [GPU_TAINT] if gpu else []
    for taint in spec.taints:
        if taint_problem(taint):
            raise Refused("azure.taint", taint=taint[:80])
    return list(spec.taints)


def taint_problem(taint: str) -> bool:
    """Whether `taint` is not ``key[=value]:effect`` as Kubernetes wants it."""
    return _TAINT.fullmatch(taint) is None


def label_problem(key: str, value: str) -> bool:
    """Whether the label is malformed, or its key belongs to AKS."""
    prefix = key.rpartition("/")[0]
    reserved = any(prefix == name or prefix.endswith("." + name) for name in _RESERVED)
    return reserved or _LABEL_KEY.fullmatch(key) is None or _LABEL_VALUE.fullmatch(value) is None


def _labels(wanted: Mapping[str, str]) -> dict[str, str]:
    for key, value in wanted.items():
        if label_problem(key, value):
            raise Refused("azure.label", label=f"{key}={value}"[:80])
    return dict(wanted)


def _os_sku(wanted: str) -> str:
    found = next((name for name in OS_SKUS if name.lower() == wanted.lower()), None)
    if found is None:
        raise Refused("azure.os_sku", os=wanted[:40], known=", ".join(OS_SKUS))
    return found
