"""What the subscription may have in a region: the SKU rows of compute, cached, because the list is long and changes rarely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot import names
from bot.azure.connection import Connection
from bot.clock import Clock

KEPT_SECONDS: Final = 3600.0
API_VERSION: Final = "2021-07-01"


@dataclass(frozen=True)
class SkuRow:
    """A VM size in one region. `zones` are those that have it; `closed_zones` those where this subscription may not; `closed`: not at all, with the
    API's reason. `listed_gpus` is what the capability says, which is wrong for some sizes (None: says nothing)."""

    name: str
    region: str
    family: str
    vcpus: int
    memory_gib: float
    listed_gpus: int | None = None
    zones: tuple[str, ...] = ()
    closed_zones: tuple[str, ...] = ()
    closed: bool = False
    reason: str = ""
    spot: bool = True
    capabilities: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def open_zones(self) -> tuple[str, ...]:
        """Zones in which it can be asked for."""
        return tuple(zone for zone in self.zones if zone not in self.closed_zones)


class SkuCatalogue:
    """The rows of each region, fetched when first asked for and kept for an hour."""

    def __init__(self, conn: Connection, clock: Clock) -> None:
        self._conn = conn
        self._clock = clock
        self._kept: dict[str, tuple[float, dict[str, SkuRow]]] = {}

    async def rows(self, region: str) -> Mapping[str, SkuRow]:
        """Rows by lower-case size name. One read per page, or none from the cache. Raises as :meth:`Connection.call`."""
        names.checked("region", region)
        kept = self._kept.get(region)
        if kept is None or not 0 <= self._clock.now() - kept[0] < KEPT_SECONDS:
            kept = (self._clock.now(), await self._conn.call(self._fetch(region)))
            self._kept[region] = kept
        return kept[1]

    def age(self, seconds: float) -> None:
        """Forget what was read longer ago than `seconds`."""
        now = self._clock.now()
        self._kept = {region: kept for region, kept in self._kept.items() if 0 <= now - kept[0] <= seconds}

    async def row(self, region: str, size: str) -> SkuRow | None:
        """The row of `size`, or None where the region does not have it."""
        return (await self.rows(region)).get(size.lower())

    async def _fetch(self, region: str) -> dict[str, SkuRow]:
        found: dict[str, SkuRow] = {}
        for item in await self._conn.listed("/providers/Microsoft.Compute/skus", API_VERSION, **{"$filter": f"location eq '{region}'"}):
            row = read(item, region)
            if row is not None:
                found[row.name.lower()] = row
        return found


def read(wire: Mapping[str, Any], region: str) -> SkuRow | None:
    """A row of the SKU API, or None for what is no VM size of that region (disks, hosts; some answers ignore the filter)."""
    if str(wire.get("resourceType")).lower() != "virtualmachines":
        return None
    if region.lower() not in [str(place).lower() for place in wire.get("locations") or ()]:
        return None
    capabilities = {str(item.get("name")): str(item.get("value")) for item in wire.get("capabilities") or ()}
    zones: set[str] = set()
    for place in wire.get("locationInfo") or ():
        if str(place.get("location")).lower() == region.lower():
            zones |= set(place.get("zones") or ())
    closed_zones: set[str] = set()
    reasons = []
    for restriction in wire.get("restrictions") or ():
        if str(restriction.get("type")) == "Location":
            reasons.append(str(restriction.get("reasonCode") or "restricted"))
        else:
            closed_zones |= set((restriction.get("restrictionInfo") or {}).get("zones") or ())
    gpus = capabilities.get("GPUs", "")
    return SkuRow(
        name=str(wire.get("name")),
        region=region,
        family=str(wire.get("family") or ""),
        vcpus=int(_number(capabilities.get("vCPUsAvailable") or capabilities.get("vCPUs"))),
        memory_gib=_number(capabilities.get("MemoryGB")),
        listed_gpus=int(gpus) if gpus.isdecimal() else None,
        zones=tuple(sorted(zones)),
        closed_zones=tuple(sorted(closed_zones)),
        closed=bool(reasons),
        reason=reasons[0] if reasons else "",
        spot=capabilities.get("LowPriorityCapable", "True").lower() == "true",
        capabilities=capabilities,
    )


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
