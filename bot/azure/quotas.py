"""vCPU quotas: three apply together - the family's, the region's, and for Spot only the region's Spot quota (Azure compute)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot import names
from bot.azure.connection import Connection
from bot.azure.findings import Finding, blocker, info, warning
from bot.azure.sizes import Size
from bot.azure.skus import SkuRow

API_VERSION: Final = "2026-04-01"
REGIONAL: Final = "cores"
SPOT: Final = "lowPriorityCores"


@dataclass(frozen=True)
class Usage:
    """One quota of a region, in vCPUs (or whatever the quota counts). `label` is what people read."""

    name: str
    label: str
    used: int
    limit: int

    @property
    def free(self) -> int:
        """What is left, never below zero."""
        return max(self.limit - self.used, 0)


@dataclass(frozen=True)
class Room:
    """How a wish stands against one quota: `needed` vCPUs, and how many nodes of the size would `fit`. `usage` None: not listed."""

    quota: str
    usage: Usage | None
    needed: int
    fits: int

    @property
    def enough(self) -> bool:
        """Whether it fits; a quota that is not listed does not count as too small."""
        return self.usage is None or self.needed <= self.usage.free


async def usage(conn: Connection, region: str) -> list[Usage]:
    """All quotas of the region. One read per page. Raises as :meth:`Connection.call`."""
    names.checked("region", region)

    async def pages() -> list[Usage]:
        found = []
        for item in await conn.listed(f"/providers/Microsoft.Compute/locations/{region}/usages", API_VERSION):
            name = item.get("name") or {}
            value = str(name.get("value") or "")
            found.append(Usage(value, str(name.get("localizedValue") or value), int(item.get("currentValue") or 0), int(item.get("limit") or 0)))
        return found

    return await conn.call(pages())


def find(usages: Iterable[Usage], name: str) -> Usage | None:
    """The quota of that name: letters in any case, spaces and underscores or not (the SKU API and the usage API differ)."""
    wanted = _plain(name)
    return next((item for item in usages if _plain(item.name) == wanted), None)


def rooms(usages: Sequence[Usage], *, family: str, vcpus: int, nodes: int, spot: bool) -> list[Room]:
    """The quotas that apply to `nodes` nodes of `vcpus` vCPUs each: Spot has its own and does not touch the family's (Azure compute)."""
    wanted = [SPOT] if spot else [family, REGIONAL]
    needed = vcpus * nodes
    result = []
    for name in wanted:
        found = find(usages, name)
        result.append(Room(name, found, needed, found.free // vcpus if found and vcpus else 0))
    return result


def room(usages: Sequence[Usage], size: Size | SkuRow, *, nodes: int, spot: bool, region: str) -> list[Finding]:
    """Findings for `nodes` more nodes of `size`: each quota that applies, too small (blocker), not listed (warning) or with room (info)."""
    findings = []
    for item in rooms(usages, family=size.family, vcpus=size.vcpus, nodes=nodes, spot=spot):
        if item.usage is None:
            findings.append(warning("azure.quota_unknown", quota=item.quota, region=region))
            continue
        detail = {"quota": item.usage.label, "region": region, "left": item.usage.free, "limit": item.usage.limit, "needed": item.needed}
        findings.append(info("azure.room", **detail) if item.enough else blocker("azure.no_room", fits=item.fits, **detail))
    return findings


def nodes_that_fit(usages: Sequence[Usage], size: Size | SkuRow, *, spot: bool) -> int | None:
    """Free quota in whole nodes: the smallest of the quotas that apply; None where one of them is not listed."""
    found = rooms(usages, family=size.family, vcpus=size.vcpus, nodes=1, spot=spot)
    return None if any(item.usage is None for item in found) else min(item.fits for item in found)


def _plain(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()
