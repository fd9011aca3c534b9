"""Compute: what the subscription uses and may use, and which sizes there are (Compute: Usage - List, Resource Skus - List)."""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import web

from playground.azure import quota
from playground.azure.catalogue import REGIONS, Region, Size, offered, region_named
from playground.azure.errors import ArmError
from playground.azure.state import Wire, subscription_of
from playground.azure.wire import page, route

LOCATION_FILTER: Final = re.compile(r"^location eq '([^']+)'$")


async def usages(request: web.Request) -> web.Response:
    """GET …/locations/{location}/usages."""
    subscription = subscription_of(request)
    region = region_named(request.match_info["location"])
    if region is None:
        raise ArmError(400, "NoRegisteredProviderFound", f"No registered resource provider found for location '{request.match_info['location']}'.")
    used = quota.usage(subscription, region.name)
    names = {quota.CORES: quota.DISPLAY[quota.CORES], quota.SPOT: quota.DISPLAY[quota.SPOT]} | {name: f"{name} vCPUs" for name in quota.FAMILIES}
    rows: list[Wire] = [
        {
            "limit": quota.limit(subscription, region.name, name),
            "unit": "Count",
            "currentValue": used[name],
            "name": {"value": name, "localizedValue": localized},
        }
        for name, localized in names.items()
    ]
    clusters = sum(cluster.location == region.name for cluster in subscription.clusters())
    rows.append(
        {
            "limit": 2500,
            "unit": "Count",
            "currentValue": clusters,
            "name": {"value": "virtualMachineScaleSets", "localizedValue": "Virtual Machine Scale Sets"},
        }
    )
    return page(request, subscription, rows)


async def skus(request: web.Request) -> web.Response:
    """GET …/skus; only `location eq '…'` filters. Retired sizes are not in it."""
    subscription = subscription_of(request)
    wanted = request.query.get("$filter")
    found = LOCATION_FILTER.match(wanted) if wanted else None
    if wanted and not found:
        raise ArmError(400, "InvalidFilter", f"The filter '{wanted}' is not supported; only location eq '<region>' is.")
    regions = list(REGIONS.values()) if found is None else [region for region in [region_named(found.group(1))] if region]
    return page(request, subscription, [sku(size, region) for region in regions for size in offered(region.name)])


def sku(size: Size, region: Region) -> Wire:
    """One size in one region as the SKU API tells it."""
    # The key is "Name" with a capital: the real API differs there from all its other keys.
    details = [{"Name": region.zones, "capabilities": [{"name": "UltraSSDAvailable", "value": "True"}]}] if region.zones else []
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": size.family,
        "locations": [region.name],
        "locationInfo": [{"location": region.name, "zones": region.zones, "zoneDetails": details}],
        "capabilities": [{"name": name, "value": value} for name, value in _capabilities(size).items()],
        "restrictions": _restrictions(size, region),
    }


def _capabilities(size: Size) -> dict[str, str]:
    found = {
        "MaxResourceVolumeMB": str(65536 if size.gpus == 0 else 180224),
        "vCPUs": str(size.vcpus),
        "vCPUsAvailable": str(size.vcpus),
        "MemoryGB": f"{size.memory:g}",
        "HyperVGenerations": size.generations,
        "CpuArchitectureType": "Arm64" if "GB" in size.model else "x64",
        "PremiumIO": "True",
        "LowPriorityCapable": str(size.low_priority),
        "EphemeralOSDiskSupported": str(size.low_priority),
        "RdmaEnabled": str(size.rdma),
    }
    return found | ({"GPUs": str(size.listed_gpus)} if size.listed_gpus else {})


def _restrictions(size: Size, region: Region) -> list[Wire]:
    restriction: dict[str, Any] | None = region.restricted.get(size.name)
    if restriction is None:
        return []
    zones = restriction.get("zones")
    info: Wire = {"locations": [region.name]} | ({"zones": zones} if zones else {})
    return [{"type": "Zone" if zones else "Location", "values": [region.name], "restrictionInfo": info, "reasonCode": restriction["reason"]}]


ROUTES: Final = [
    route("GET", "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/usages", usages),
    route("GET", "/subscriptions/{sub}/providers/Microsoft.Compute/skus", skus),
]
