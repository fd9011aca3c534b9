"""Faults that strike a long-running operation when it begins: failure by code, cancellation, no capacity, quota gone since the preflight."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from playground.azure import quota
from playground.azure.errors import ArmError
from playground.azure.state import Subscription, Wire
from playground.faults import Fault


def strike(subscription: Subscription, subject: str, location: str, pools: list[Wire]) -> Fault | None:
    """The fault that this operation will end with, if one is registered for it.

    `pools` are the properties of the pools that get new nodes (none: nothing that could lack capacity or quota).
    Raises 409 OperationNotAllowed for ``quota_gone`` unless its option `form` is "lro".
    """
    fault = subscription.faults.take("azure", subject, "lro_failed", "lro_canceled")
    if fault is not None:
        return fault
    for pool in pools:
        if fault := subscription.faults.take("azure", subject, "no_capacity", fits=partial(_scarce, pool)):
            return replace(fault, options={**fault.options, **_no_capacity(pool, fault.options), "scarce": True})
        if gone := subscription.faults.take("azure", subject, "quota_gone"):
            error = _quota_gone(subscription, location, pool)
            if gone.options.get("form") != "lro":
                raise error
            wrapped = {"code": "QuotaExceeded", "message": f"Provisioning of resource(s) failed. Message: {error.message}"}
            return replace(gone, options={**gone.options, **wrapped, "details": [{"code": error.code, "message": error.message}], "scarce": True})
    return None


def lacks(subscription: Subscription, subject: str, pool: Wire) -> bool:
    """Whether a fault without capacity keeps the autoscaler from adding a node (uses it up once)."""
    return subscription.faults.take("azure", subject, "no_capacity", fits=partial(_scarce, pool)) is not None


def _scarce(pool: Wire, fault: Fault) -> bool:
    """Whether it is this pool's size, and a zone of its own, that lack."""
    size, zone = str(fault.options.get("size", pool["vmSize"])), fault.options.get("zone")
    return size.lower() == str(pool["vmSize"]).lower() and zone in (None, *map(str, pool.get("availabilityZones") or []))


def _no_capacity(pool: Wire, options: dict[str, Any]) -> dict[str, Any]:
    zones = pool.get("availabilityZones")
    if pool.get("scaleSetPriority") == "Spot":
        code, text = "SkuNotAvailable", "is currently not available in the location for Spot. See https://aka.ms/azureskunotavailable for details."
    elif zones:
        code, text = (
            "ZonalAllocationFailed",
            f"could not be allocated in zone {','.join(zones)}: we do not have sufficient capacity for it in this zone.",
        )
    else:
        code, text = "AllocationFailed", "could not be allocated: we do not have sufficient capacity for it in this region."
    message = f"Allocation failed. The requested VM size {pool['vmSize']} {text} http://aka.ms/allocation-guidance"
    return {"code": options.get("code", code), "message": options.get("message", message)}


def _quota_gone(subscription: Subscription, location: str, pool: Wire) -> ArmError:
    name, required = next(iter(quota.need(pool).items()), (quota.CORES, 0))
    limit = quota.limit(subscription, location, name)
    return quota.exceeded(location, name, limit, limit, required)
