"""vCPU quotas: family, region, Spot (Azure: vCPU quotas). What pools use is summed up from what exists; a stopped pool uses none."""

from __future__ import annotations

from collections import Counter
from typing import Final

from playground.azure.catalogue import REGIONS, SIZES, Size, size_named
from playground.azure.errors import ArmError, refused
from playground.azure.state import AgentPool, Subscription, Wire

CORES: Final = "cores"
SPOT: Final = "lowPriorityCores"
DISPLAY: Final = {CORES: "Total Regional vCPUs", SPOT: "Total Regional Spot vCPUs"}
FAMILIES: Final = sorted({size.family for size in SIZES})


def need(properties: Wire, *, stopped: bool = False) -> Counter[str]:
    """vCPUs that a pool takes, by quota; Spot counts only against the Spot quota."""
    size = size_named(properties["vmSize"])
    count = 0 if stopped else int(properties.get("count", 0))
    if size is None or count == 0:
        return Counter()
    if properties.get("scaleSetPriority") == "Spot":
        return Counter({SPOT: size.vcpus * count})
    return Counter({size.family: size.vcpus * count, CORES: size.vcpus * count})


def usage(subscription: Subscription, location: str) -> Counter[str]:
    """vCPUs in use in a region, by quota."""
    used: Counter[str] = Counter()
    for cluster in subscription.clusters():
        if cluster.location == location:
            for pool in cluster.pools.values():
                used += need(pool.properties, stopped=pool.stopped or cluster.stopped)
    return used


def limit(subscription: Subscription, location: str, quota: str) -> int:
    """The limit of one quota in a region; a family that nobody asked for has 0."""
    override = subscription.quota_overrides.get((location, quota.lower()))
    if override is not None:
        return override
    limits = {name.lower(): value for name, value in REGIONS[location].quota.items()}
    return limits.get(quota.lower(), 0)


def check(subscription: Subscription, location: str, more: Counter[str], *, new: bool) -> None:
    """Raises where `more` vCPUs do not fit: AKS's preflight answers for the family of a new pool, Compute for everything else."""
    used = usage(subscription, location)
    for quota, required in more.items():
        remaining = limit(subscription, location, quota) - used[quota]
        if required <= remaining:
            continue
        if new and quota not in (CORES, SPOT):
            raise refused(
                "ErrCode_InsufficientVCPUQuota",
                f"Insufficient vcpu quota requested {required}, remaining {max(0, remaining)} for family {quota} for region {location}. "
                "Surge nodes would also consume vcpu quota.",
            )
        raise exceeded(location, quota, limit(subscription, location, quota), used[quota], required)


def exceeded(location: str, quota: str, limit_now: int, used: int, required: int) -> ArmError:
    """409 OperationNotAllowed, the same code as a busy resource; only the text tells."""
    return refused("OperationNotAllowed", exceeded_text(location, quota, limit_now, used, required), status=409)


def exceeded_text(location: str, quota: str, limit_now: int, used: int, required: int) -> str:
    """Compute's words."""
    named = {CORES: "Total Regional Cores", SPOT: "LowPriorityCores"}.get(quota, f"{quota} Cores")
    return (
        f"Operation could not be completed as it results in exceeding approved {named} quota. Additional details - "
        f"Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit_now}, Current Usage: {used}, "
        f"Additional Required: {required}, (Minimum) New Limit Required: {used + required}. "
        "Submit a request for Quota increase by specifying parameters listed in the 'Details' section."
    )


def delta(before: AgentPool | None, after: Wire, *, was_stopped: bool, will_be_stopped: bool) -> Counter[str]:
    """What a change needs on top of what the pool takes now."""
    old = need(before.properties, stopped=was_stopped) if before else Counter[str]()
    return need(after, stopped=will_be_stopped) - old


def size_of(properties: Wire) -> Size:
    """The size of accepted properties."""
    size = size_named(properties["vmSize"])
    if size is None:
        raise KeyError(properties["vmSize"])
    return size
