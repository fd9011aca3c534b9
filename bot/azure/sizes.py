"""The GPU sizes that AKS node pools can have, and those that they cannot any more; a pure table.

Sources: AKS "use GPUs" (August 2026), the VM size pages, and the SKU API's own spelling of families. Where the subscription's own SKU rows
are at hand those win (:mod:`bot.azure.skus`), except for the number of GPUs: the SKU API gives none for some sizes and calls FPGAs GPUs, hence
this table.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Driver = Literal["cuda", "grid", "amd"]
Strategy = Literal["single", "mixed"]

NVIDIA: Final = "nvidia.com/gpu"
AMD: Final = "amd.com/gpu"
CHEAPEST: Final = "Standard_NC4as_T4_v3"
MIG_PROFILES: Final = ("MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g")
_MIG_COUNT: Final = {"MIG1g": 7, "MIG2g": 3, "MIG3g": 2, "MIG4g": 1, "MIG7g": 1}
_MIG_MEMORY: Final = {
    40: {"MIG1g": 5, "MIG2g": 10, "MIG3g": 20, "MIG4g": 20, "MIG7g": 40},
    80: {"MIG1g": 10, "MIG2g": 20, "MIG3g": 40, "MIG4g": 40, "MIG7g": 80},
    94: {"MIG1g": 12, "MIG2g": 24, "MIG3g": 47, "MIG4g": 47, "MIG7g": 94},
    141: {"MIG1g": 18, "MIG2g": 35, "MIG3g": 71, "MIG4g": 71, "MIG7g": 141},
}


@dataclass(frozen=True)
class Size:
    """A GPU size. `gpus` is what a node advertises (a sixth of an A10 counts as one, `share` says so); `family` is its quota as the SKU API
    spells it; `gpu_memory_gib` is per advertised GPU, `memory_gib` is RAM; `generation2_only` sizes need such an image."""

    name: str
    model: str
    gpus: int
    gpu_memory_gib: int
    vcpus: int
    memory_gib: int
    family: str
    mig: bool = False
    driver: Driver = "cuda"
    share: str = "1"
    generation2_only: bool = False

    @property
    def resource(self) -> str:
        """The Kubernetes resource that its nodes advertise without MIG."""
        return AMD if self.driver == "amd" else NVIDIA


@dataclass(frozen=True)
class Retired:
    """A size that cannot be had any more (`since` its day), with what to use instead."""

    name: str
    model: str
    since: date
    replacement: str


@dataclass(frozen=True)
class CpuSize:
    """A size without a GPU. `vcpus` is read from the name (0: the name does not say)."""

    name: str
    vcpus: int


@dataclass(frozen=True)
class Unknown:
    """No size of the table; `nearest` are the names most like it; `reason` where it is known why it cannot be used."""

    name: str
    nearest: tuple[str, ...] = ()
    reason: str = ""


def _t4(name: str, gpus: int, vcpus: int, ram: int) -> Size:
    return Size(name, "T4", gpus, 16, vcpus, ram, "Standard NCASv3_T4 Family")


def _nc_a10(name: str, gpus: int, vcpus: int, ram: int) -> Size:
    return Size(name, "A10", gpus, 24, vcpus, ram, "StandardNCADSA10v4Family")


def _nv_a10(name: str, gpus: int, memory: int, vcpus: int, ram: int, share: str = "1") -> Size:
    return Size(name, "A10", gpus, memory, vcpus, ram, "StandardNVADSA10v5Family", driver="grid", share=share)


def _a100(name: str, gpus: int, vcpus: int, ram: int) -> Size:
    return Size(name, "A100", gpus, 80, vcpus, ram, "StandardNCADSA100v4Family", mig=True, generation2_only=True)


_ALL: Final = (
    _t4("Standard_NC4as_T4_v3", 1, 4, 28),
    _t4("Standard_NC8as_T4_v3", 1, 8, 56),
    _t4("Standard_NC16as_T4_v3", 1, 16, 110),
    _t4("Standard_NC64as_T4_v3", 4, 64, 440),
    _nc_a10("Standard_NC8ads_A10_v4", 1, 8, 110),
    _nc_a10("Standard_NC16ads_A10_v4", 1, 16, 220),
    _nc_a10("Standard_NC32ads_A10_v4", 2, 32, 440),
    _nv_a10("Standard_NV6ads_A10_v5", 1, 4, 6, 55, "1/6"),
    _nv_a10("Standard_NV12ads_A10_v5", 1, 8, 12, 110, "1/3"),
    _nv_a10("Standard_NV18ads_A10_v5", 1, 12, 18, 220, "1/2"),
    _nv_a10("Standard_NV36ads_A10_v5", 1, 24, 36, 440),
    _nv_a10("Standard_NV36adms_A10_v5", 1, 24, 36, 880),
    _nv_a10("Standard_NV72ads_A10_v5", 2, 24, 72, 880),
    _a100("Standard_NC24ads_A100_v4", 1, 24, 220),
    _a100("Standard_NC48ads_A100_v4", 2, 48, 440),
    _a100("Standard_NC96ads_A100_v4", 4, 96, 880),
    Size("Standard_NC40ads_H100_v5", "H100", 1, 94, 40, 320, "StandardNCadsH100v5Family", mig=True, generation2_only=True),
    Size("Standard_NC80adis_H100_v5", "H100", 2, 94, 80, 640, "StandardNCadsH100v5Family", mig=True, generation2_only=True),
    Size("Standard_NCC40ads_H100_v5", "H100", 1, 94, 40, 320, "StandardNCCads2023Family", generation2_only=True),
    Size("Standard_ND96asr_v4", "A100", 8, 40, 96, 900, "Standard NDASv4_A100 Family", mig=True),
    Size("Standard_ND96amsr_A100_v4", "A100", 8, 80, 96, 1900, "standard NDAMSv4_A100Family", mig=True),
    Size("Standard_ND96isr_H100_v5", "H100", 8, 80, 96, 1900, "standardNDSH100v5Family", mig=True),
    Size("Standard_ND96isr_H200_v5", "H200", 8, 141, 96, 1850, "standardNDISRH200V5Family", mig=True),
    Size("Standard_ND128isr_NDR_GB200_v6", "GB200", 4, 189, 128, 900, "standardNDISRGB200V6NDRFamily"),
    Size("Standard_ND128isr_GB300_v6", "GB300", 4, 288, 128, 900, "standardNDISRGB300V6Family"),
    Size("Standard_ND96isr_MI300X_v5", "MI300X", 8, 192, 96, 1850, "standardNDISv5MI300XFamily", driver="amd"),
    Size("Standard_ND40rs_v2", "V100", 8, 32, 40, 672, "standardNDSv2Family"),
)
SIZES: Final[dict[str, Size]] = {size.name: size for size in _ALL}

_2023, _2025, _2026 = date(2023, 9, 6), date(2025, 9, 30), date(2026, 9, 30)
_T4 = ("Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3", "Standard_NC64as_T4_v3", "Standard_NC64as_T4_v3")
_A100 = ("Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_NC96ads_A100_v4", "Standard_NC96ads_A100_v4")
_A10 = ("Standard_NV36ads_A10_v5", "Standard_NV72ads_A10_v5", "Standard_NV72ads_A10_v5")
_VANISHED: Final = (
    ("K80", _2023, _T4, ("NC6", "NC12", "NC24", "NC24r")),
    ("K80", _2023, _T4, ("NC6_Promo", "NC12_Promo", "NC24_Promo", "NC24r_Promo")),
    ("P100", _2023, _A100, ("NC6s_v2", "NC12s_v2", "NC24s_v2", "NC24rs_v2")),
    ("V100", _2025, _A100, ("NC6s_v3", "NC12s_v3", "NC24s_v3", "NC24rs_v3")),
    ("P40", _2023, _A100, ("ND6s", "ND12s", "ND24s", "ND24rs")),
    ("M60", _2023, _A10, ("NV6", "NV12", "NV24")),
    ("M60", _2023, _A10, ("NV6_Promo", "NV12_Promo", "NV24_Promo")),
    ("M60", _2023, _A10, ("NV6s_v2", "NV12s_v2", "NV24s_v2")),
    ("M60", _2026, _A10, ("NV12s_v3", "NV24s_v3", "NV48s_v3")),
    ("MI25", _2026, ("Standard_NV6ads_A10_v5", "Standard_NV12ads_A10_v5", "Standard_NV18ads_A10_v5", "Standard_NV36ads_A10_v5"),
     ("NV4as_v4", "NV8as_v4", "NV16as_v4", "NV32as_v4")),
)  # fmt: skip
RETIRED: Final[dict[str, Retired]] = {
    f"Standard_{name}": Retired(f"Standard_{name}", model, since, better)
    for model, since, betters, group in _VANISHED
    for name, better in zip(group, betters, strict=False)
}

_UNUSABLE: Final = (
    (re.compile(r"standard_np\d", re.I), "it has FPGAs, not GPUs"),
    (re.compile(r"standard_n[a-z]*\d+\w*_v(?:620|710)_", re.I), "AKS does not support this AMD graphics card"),
    (re.compile(r"standard_nc\w*rtxpro6000\w*", re.I), "its driver and quota are not known to me yet"),
)
_CPU: Final = re.compile(r"standard_((?:a|b|d|dc|e|ec|f|fx|g|gs|h|hb|hc|hx|l|m|ds))(\d+)((?:-\d+)?[a-z]*)((?:_[a-z0-9]+)*)", re.I)
_CANONICAL: Final = {name.lower(): name for name in (*SIZES, *RETIRED)}


def lookup(size: str) -> Size | Retired | CpuSize | Unknown:
    """What is known of `size`, spelled in any case and with or without ``Standard_``."""
    text = size.strip()
    lower = text.lower() if text.lower().startswith(("standard_", "basic_")) else f"standard_{text.lower()}"
    name = _CANONICAL.get(lower)
    if name is not None:
        return SIZES.get(name) or RETIRED[name]
    for pattern, reason in _UNUSABLE:
        if pattern.match(lower):
            return Unknown(text, reason=reason)
    if match := _CPU.fullmatch(lower):
        series, cores, letters, rest = match.groups()
        return CpuSize(f"Standard_{series.upper()}{cores}{letters}{rest}", int(cores))
    return Unknown(text, nearest=_nearest(lower))


def promised(size: str | Size, mig: str | None = None, *, strategy: Strategy = "single") -> tuple[str, int]:
    """The Kubernetes resource and its count that one node of `size` must advertise; the proof is held against this.

    With MIG, strategy `single` counts slices as ``nvidia.com/gpu``, `mixed` as ``nvidia.com/mig-1g.5gb`` and so on. Raises KeyError for a size or
    profile that is not in the tables (look the size up first).
    """
    found = size if isinstance(size, Size) else lookup(size)
    if not isinstance(found, Size):
        raise KeyError(size)
    if not mig:
        return found.resource, found.gpus
    if not found.mig:
        raise KeyError(mig)
    name = mig_profile(mig)
    if name is None:
        raise KeyError(mig)
    count = found.gpus * _MIG_COUNT[name]
    if strategy == "mixed":
        return f"nvidia.com/mig-{name[3:]}.{_MIG_MEMORY[found.gpu_memory_gib][name]}gb", count
    return NVIDIA, count


def mig_profile(text: str) -> str | None:
    """The profile in Azure's spelling, whatever the case and with or without ``MIG``; None where there is none such."""
    bare = text.strip().lower().removeprefix("mig").removeprefix("-")
    return next((name for name in MIG_PROFILES if name.lower() == f"mig{bare}"), None)


def _nearest(lower: str) -> tuple[str, ...]:
    names = {name.lower(): name for name in SIZES}
    close = difflib.get_close_matches(lower, names, n=3, cutoff=0.6)
    return tuple(names[name] for name in close) or (CHEAPEST,)
