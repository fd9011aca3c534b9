"""What this simulated Azure sells: VM sizes, regions with their quotas and restrictions, Kubernetes versions. Data in the JSON files beside this.

Families are spelled as the Compute SKU API spells them (blanks included). Prices: US dollars per hour, Linux, East US; where no
public figure was at hand they are plausible ones. Retired sizes are in the price list but not on offer, as in the real service.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Size:
    """One VM size; `memory` in GiB, `usd` per hour; `sku_gpus` is what the SKU API says, which is not always what is in the machine."""

    name: str
    family: str
    vcpus: int
    memory: float
    gpus: int
    model: str
    usd: float
    regions: list[str]
    generations: str = "V1,V2"
    mig: bool = False
    rdma: bool = False
    retired: bool = False
    low_priority: bool = True
    sku_gpus: int | None = -1

    @property
    def listed_gpus(self) -> int:
        """The capability `GPUs` of the SKU API; 0 where it gives none."""
        return self.gpus if self.sku_gpus == -1 else (self.sku_gpus or 0)


@dataclass(frozen=True)
class Region:
    """One region; `quota` maps a quota's name to its limit (vCPUs), `restricted` a size to its restriction."""

    name: str
    display: str
    price: str
    factor: float
    zones: list[str]
    quota: dict[str, int] = field(default_factory=dict)
    restricted: dict[str, dict[str, Any]] = field(default_factory=dict)


SIZES: Final = [Size(**row) for row in json.loads((HERE / "sizes.json").read_text())]
REGIONS: Final = {name: Region(name, **row) for name, row in json.loads((HERE / "regions.json").read_text()).items()}
_BY_NAME: Final = {size.name.lower(): size for size in SIZES}


def size_named(name: str) -> Size | None:
    """The size of that name in any case, retired ones included."""
    return _BY_NAME.get(name.lower())


def offered(region: str) -> list[Size]:
    """The sizes that exist in a region, restricted ones included, retired ones not."""
    return [size for size in SIZES if not size.retired and ("*" in size.regions or region in size.regions)]


def region_named(name: str) -> Region | None:
    """A region by name (`eastus`) or display name (`East US`), as ARM accepts both."""
    return REGIONS.get(name.lower().replace(" ", ""))
