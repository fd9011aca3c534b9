"""What NVIDIA's GPUs are called, and how they split with MIG (NVIDIA: MIG user guide; Azure: GPU sizes)."""

from __future__ import annotations

from dataclasses import dataclass

from playground.backend import Pool

DRIVER = "580.159.04"
CUDA = "13.0"
_SLICES = {"1g": 7, "2g": 3, "3g": 2, "4g": 1, "7g": 1}


@dataclass(frozen=True)
class GpuModel:
    """`name` as the driver says it, compute capability, clock in GHz, memory in MiB, `slice_memory` in GB by MIG profile, watts."""

    name: str
    major: int
    minor: int
    clock: float
    memory_mib: int
    watts: int
    slice_memory: tuple[int, ...] = ()
    driver: str = DRIVER


_MODELS = {
    "T4": GpuModel("Tesla T4", 7, 5, 1.59, 15360, 70),
    "A10": GpuModel("NVIDIA A10", 8, 6, 1.695, 23028, 150, driver="570.211.01"),
    "V100": GpuModel("Tesla V100-PCIE-16GB", 7, 0, 1.38, 16384, 250),
    "K80": GpuModel("Tesla K80", 3, 7, 0.8235, 11441, 149, driver="470.82.01"),
    "A100-40": GpuModel("NVIDIA A100-SXM4-40GB", 8, 0, 1.41, 40960, 400, (5, 10, 20, 20, 40)),
    "A100-80": GpuModel("NVIDIA A100 80GB PCIe", 8, 0, 1.41, 81920, 300, (10, 20, 40, 40, 80)),
    "A100-80-SXM": GpuModel("NVIDIA A100-SXM4-80GB", 8, 0, 1.41, 81920, 400, (10, 20, 40, 40, 80)),
    "H100-94": GpuModel("NVIDIA H100 NVL", 9, 0, 1.785, 95830, 400, (12, 24, 47, 47, 94)),
    "H100-80": GpuModel("NVIDIA H100 80GB HBM3", 9, 0, 1.98, 81559, 700, (10, 20, 40, 40, 80)),
    "H200": GpuModel("NVIDIA H200", 9, 0, 1.98, 143771, 700, (18, 35, 71, 71, 141)),
    "GB200": GpuModel("NVIDIA GB200", 10, 0, 2.062, 189471, 1200),
    "GB300": GpuModel("NVIDIA GB300", 10, 3, 2.032, 284208, 1400),
}


def model_of(pool: Pool) -> GpuModel | None:
    """The GPU in the pool's size; None without one, or where it is not NVIDIA's."""
    size, model = pool.vm_size.lower(), pool.gpu_model.upper()
    if not pool.gpu_count or "MI300" in model or "mi300" in size:
        return None
    if "A100" in model:
        return _MODELS["A100-40" if "nd96asr" in size else "A100-80-SXM" if "_nd" in size else "A100-80"]
    if "H100" in model:
        return _MODELS["H100-80" if "_nd" in size else "H100-94"]
    for short in ("H200", "GB200", "GB300", "V100", "K80", "A10", "T4"):
        if short in model:
            return _MODELS[short]
    return GpuModel(f"NVIDIA {pool.gpu_model}", 8, 9, 2.0, 49140, 300)


def mig_slices(pool: Pool) -> int:
    """MIG instances per GPU of the pool's profile, 0 without one."""
    return _SLICES.get((pool.mig_profile or "").lower().removeprefix("mig"), 0)


def mig_resource(pool: Pool) -> str:
    """The resource's name with strategy mixed, e.g. ``nvidia.com/mig-1g.10gb``."""
    profile, model = (pool.mig_profile or "").lower().removeprefix("mig"), model_of(pool)
    order = list(_SLICES)
    memory = model.slice_memory[order.index(profile)] if model is not None and model.slice_memory else 0
    return f"nvidia.com/mig-{profile}.{memory}gb"
