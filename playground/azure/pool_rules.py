"""What AKS accepts as a node pool: names, sizes, counts, labels, taints, zones, Spot (AKS: node pool limitations), and what never changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from playground.azure import gpu_rules
from playground.azure.catalogue import REGIONS, Size, offered, size_named
from playground.azure.errors import ArmError, refused, unchangeable
from playground.azure.state import AgentPool, Wire
from playground.azure.versions import pool_version
from playground.azure.wire import checked_tags

NAME: Final = {"Linux": re.compile(r"[a-z][a-z0-9]{0,11}"), "Windows": re.compile(r"[a-z][a-z0-9]{0,5}")}
LABEL_KEY: Final = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
TAINT: Final = re.compile(r"(?P<key>[^=:]+)(?:=(?P<value>[^=:]*))?:(?P<effect>NoSchedule|PreferNoSchedule|NoExecute)")
SPOT: Final = "kubernetes.azure.com/scalesetpriority"
MAX_NODES: Final = 1000
DEFAULT_SIZE: Final = "Standard_D2s_v5"
CHOICES: Final = {
    "mode": ("System", "User", "Gateway"),
    "osType": ("Linux", "Windows"),
    "type": ("VirtualMachineScaleSets", "VirtualMachines", "AvailabilitySet"),
    "scaleSetPriority": ("Regular", "Spot"),
    "scaleSetEvictionPolicy": ("Delete", "Deallocate"),
    "scaleDownMode": ("Delete", "Deallocate"),
    "osDiskType": ("Managed", "Ephemeral"),
    "osSKU": (
        "Ubuntu", "Ubuntu2204", "Ubuntu2404", "AzureLinux", "AzureLinux3", "AzureContainerLinux", "Windows2019", "Windows2022", "Windows2025",
    ),
}  # fmt: skip
FIXED: Final = (
    "vmSize", "osType", "osDiskSizeGB", "osDiskType", "maxPods", "type", "scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice",
    "gpuInstanceProfile", "gpuProfile", "availabilityZones", "vnetSubnetID", "enableUltraSSD", "enableFIPS", "enableEncryptionAtHost",
)  # fmt: skip
READ_ONLY: Final = ("provisioningState", "eTag", "currentOrchestratorVersion", "powerState", "status", "nodeImageVersion", "name")
DEFAULTS: Final[Wire] = {
    "osDiskSizeGB": 128,
    "osDiskType": "Managed",
    "kubeletDiskType": "OS",
    "maxPods": 250,
    "type": "VirtualMachineScaleSets",
    "enableAutoScaling": False,
    "scaleDownMode": "Delete",
    "enableNodePublicIP": False,
    "mode": "User",
    "enableEncryptionAtHost": False,
    "enableUltraSSD": False,
    "enableFIPS": False,
    "osType": "Linux",
    "osSKU": "Ubuntu",
    "upgradeSettings": {"maxSurge": "10%"},
    "vmSize": DEFAULT_SIZE,
}


@dataclass(frozen=True)
class Surroundings:
    """What a pool is checked against: the cluster's region and version, and whether managed GPUs may be used."""

    location: str
    version: str
    managed_gpu: bool


def bad(name: str, message: str) -> ArmError:
    """400 InvalidParameter for one field of the pool."""
    return refused(
        "InvalidParameter", f"The value of parameter agentPoolProfile.{name} is invalid. Error details: {message}", target=f"agentPoolProfile.{name}"
    )


def accepted(name: str, wanted: Wire, around: Surroundings, existing: AgentPool | None) -> Wire:
    """The pool's properties after a PUT of `wanted`; omitted ones keep their value or get AKS's default. Raises 400 in AKS's words."""
    kept = existing.properties if existing else {}
    asked = {key: value for key, value in wanted.items() if key not in READ_ONLY and value is not None and (key, value) != ("vmSize", "")}
    merged: Wire = {**DEFAULTS, **kept, **asked}
    _check_choices(merged)
    _check_name(name, merged)
    size = _offered_size(merged["vmSize"], around.location)
    merged["vmSize"] = size.name if existing is None else kept["vmSize"]
    _check_counts(merged, existing is None, asked)
    _check_labels(merged)
    merged["tags"] = checked_tags(merged.get("tags"))
    _check_zones(merged, size, around.location)
    _check_spot(merged, size)
    gpu_rules.check(merged, size, around.managed_gpu)
    merged["orchestratorVersion"] = _version(asked, kept, around.version)
    if existing:
        _check_fixed(kept, asked)
        merged |= {key: kept[key] for key in FIXED if key in kept}
    return {key: value for key, value in merged.items() if value not in ({}, [])}


def _version(asked: Wire, kept: Wire, control_plane: str) -> str:
    wanted = asked.get("orchestratorVersion")
    current: str | None = kept.get("orchestratorVersion")
    if current and (wanted is None or wanted == current):
        return current
    return pool_version(wanted, control_plane)


def _check_name(name: str, pool: Wire) -> None:
    pattern = NAME[pool["osType"]]
    if not pattern.fullmatch(name):
        raise bad(
            "name", f"'{name}' does not match {pattern.pattern}: lower-case letters and digits, starting with a letter, at most 12 (Windows: 6)."
        )


def _check_choices(pool: Wire) -> None:
    for key, choices in CHOICES.items():
        if key in pool and pool[key] not in choices:
            raise bad(key, f"'{pool[key]}' is not one of {', '.join(choices)}.")


def _offered_size(name: Any, location: str) -> Size:
    size = size_named(str(name))
    known = offered(location)
    if size is None or size not in known:
        names = ",".join(sorted(row.name.lower() for row in known))
        raise refused(
            "BadRequest",
            f"The VM size of {name} is not allowed in your subscription in location '{location}'. The available VM sizes are '{names}'. "
            "For more details, please visit https://aka.ms/aks/quotas-skus-regions",
        )
    if (restriction := REGIONS[location].restricted.get(size.name)) and "zones" not in restriction:
        raise refused("VMSizeNotSupported", f"Virtual Machine size: '{size.name}' is not supported for subscription in location '{location}'.")
    return size


def _check_counts(pool: Wire, new: bool, asked: Wire) -> None:
    lowest = 1 if pool["mode"] == "System" else 0
    if pool["enableAutoScaling"]:
        low, high = pool.get("minCount"), pool.get("maxCount")
        if not isinstance(low, int) or not isinstance(high, int) or not lowest <= low <= high <= MAX_NODES:
            raise bad("minCount", f"autoscaling needs {lowest} <= minCount <= maxCount <= {MAX_NODES}, not {low} and {high}.")
        pool["count"] = min(high, max(low, pool.get("count", low)))
        return
    if asked.get("minCount") is not None or asked.get("maxCount") is not None:
        raise bad("minCount", "minCount and maxCount need enableAutoScaling.")
    pool.pop("minCount", None)
    pool.pop("maxCount", None)
    pool.setdefault("count", 1 if new else lowest)
    if not isinstance(pool["count"], int) or not lowest <= pool["count"] <= MAX_NODES:
        raise bad("count", f"{pool['count']} is not between {lowest} and {MAX_NODES} for a {pool['mode']} pool.")


def _check_labels(pool: Wire) -> None:
    spot = pool.get("scaleSetPriority") == "Spot"
    for key, value in (pool.get("nodeLabels") or {}).items():
        if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(str(value)):
            raise bad("nodeLabels", f"'{key}={value}' is not a Kubernetes label.")
        if key.split("/")[0].endswith(("kubernetes.azure.com", "kubernetes.io", "k8s.io")) and not (spot and key == SPOT):
            raise bad("nodeLabels", f"the prefix of '{key}' is reserved by AKS.")
    for taint in pool.get("nodeTaints") or []:
        if not (found := TAINT.fullmatch(str(taint))) or not LABEL_KEY.fullmatch(found["key"]) or not LABEL_VALUE.fullmatch(found["value"] or ""):
            raise bad("nodeTaints", f"'{taint}' is not of the form key=value:Effect.")
        if pool["mode"] == "System" and found["effect"] != "PreferNoSchedule" and found["key"] != "CriticalAddonsOnly":
            raise bad("nodeTaints", "a System pool takes no hard taint but CriticalAddonsOnly.")


def _check_zones(pool: Wire, size: Size, location: str) -> None:
    region = REGIONS[location]
    closed = region.restricted.get(size.name, {}).get("zones", [])
    open_zones = [zone for zone in region.zones if zone not in closed]
    wrong = [str(zone) for zone in pool.get("availabilityZones") or [] if str(zone) not in open_zones]
    if wrong:
        raise refused(
            "AvailabilityZoneNotSupported",
            f"Preflight validation check failed. The zone(s) '{','.join(wrong)}' for resource 'agentpool' is not supported. "
            f"The supported zones for location '{location}' are '{','.join(open_zones)}'",
        )


def _check_spot(pool: Wire, size: Size) -> None:
    if pool.get("scaleSetPriority") != "Spot":
        pool.pop("scaleSetEvictionPolicy", None)
        if pool.pop("spotMaxPrice", -1) not in (-1, -1.0):
            raise bad("spotMaxPrice", "only a Spot pool has a maximum price.")
        return
    if pool["mode"] == "System" or pool["type"] != "VirtualMachineScaleSets":
        raise bad("scaleSetPriority", "Spot needs a User pool on a virtual machine scale set.")
    if not size.low_priority:
        raise bad("scaleSetPriority", f"{size.name} is not offered as Spot.")
    price = pool.setdefault("spotMaxPrice", -1.0)
    if price != -1 and (price <= 0 or round(price, 5) != price):
        raise bad("spotMaxPrice", f"{price} is neither -1 nor a positive price with at most 5 decimals.")
    pool.setdefault("scaleSetEvictionPolicy", "Delete")
    pool["nodeLabels"] = {SPOT: "spot"} | (pool.get("nodeLabels") or {})
    taints = list(pool.get("nodeTaints") or [])
    pool["nodeTaints"] = taints if f"{SPOT}=spot:NoSchedule" in taints else [f"{SPOT}=spot:NoSchedule", *taints]


def _check_fixed(kept: Wire, asked: Wire) -> None:
    for key in FIXED:
        if key in asked and not _same(kept.get(key, DEFAULTS.get(key)), asked[key], key):
            raise unchangeable(f"properties.{key}")


def _same(old: Any, new: Any, key: str) -> bool:
    if key in ("vmSize", "vnetSubnetID") and isinstance(old, str):
        return old.lower() == str(new).lower()
    if isinstance(new, dict):
        return isinstance(old, dict) and all(_same(old.get(name), value, name) for name, value in new.items() if value is not None)
    if key == "availabilityZones":
        return sorted(old or []) == sorted(new)
    return bool(old == new) or (not old and not new) or (key == "scaleSetPriority" and {old, new} == {None, "Regular"})
