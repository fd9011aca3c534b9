"""GPU node pools (AKS: use GPUs, multi-instance GPUs, AKS-managed GPU node pools)."""

from __future__ import annotations

from typing import Final

from playground.azure.catalogue import Size
from playground.azure.errors import ArmError, refused
from playground.azure.state import Wire
from playground.faults import Fault

FEATURE: Final = "ManagedGPUExperiencePreview"
PROFILES: Final = ("MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g")
RETIRED_IMAGE_HEADER: Final = "UseGPUDedicatedVHD"


def _bad(name: str, message: str) -> ArmError:
    return refused(
        "InvalidParameter", f"The value of parameter agentPoolProfile.{name} is invalid. Error details: {message}", target=f"agentPoolProfile.{name}"
    )


def check(pool: Wire, size: Size, managed_allowed: bool) -> None:
    """Check the GPU fields and fill in AKS's defaults; raises 400."""
    profile = pool.get("gpuProfile")
    if size.gpus == 0:
        if profile or pool.get("gpuInstanceProfile"):
            raise _bad("gpuProfile", f"{size.name} has no GPU.")
        return
    _check_mig(pool, size)
    nvidia = (profile or {}).get("nvidia") or {}
    driver, mode = (profile or {}).get("driver") or "Install", nvidia.get("managementMode") or "Unmanaged"
    if driver not in ("Install", "None"):
        raise _bad("gpuProfile.driver", f"'{driver}' is not one of Install, None.")
    if mode not in ("Managed", "Unmanaged"):
        raise _bad("gpuProfile.nvidia.managementMode", f"'{mode}' is not one of Managed, Unmanaged.")
    if mode == "Managed":
        _check_managed(pool, managed_allowed)
        # The managed mode installs the driver whatever is asked for.
        driver = "Install"
    pool["gpuProfile"] = {"driver": driver, "nvidia": {"managementMode": mode}}


def _check_mig(pool: Wire, size: Size) -> None:
    wanted = pool.get("gpuInstanceProfile")
    if not wanted:
        return
    if wanted not in PROFILES:
        raise _bad("gpuInstanceProfile", f"'{wanted}' is not one of {', '.join(PROFILES)}.")
    if not size.mig:
        raise _bad("gpuInstanceProfile", f"{size.name} does not support multi-instance GPUs.")


def _check_managed(pool: Wire, allowed: bool) -> None:
    if not allowed:
        raise refused("BadRequest", f"Preview feature Microsoft.ContainerService/{FEATURE} not registered.")
    if pool["enableAutoScaling"]:
        raise _bad("gpuProfile.nvidia.managementMode", "a managed GPU pool cannot use the cluster autoscaler.")
    if pool["osType"] != "Linux":
        raise _bad("gpuProfile.nvidia.managementMode", "a managed GPU pool needs Linux.")


def mistake(fault: Fault | None, pool: Wire) -> None:
    """The fault ``other_profile``: the pool comes with another GPU profile than was PUT (what its options leave out is as asked)."""
    profile = pool.get("gpuProfile")
    if fault is None or profile is None:
        return
    driver, nvidia = fault.options.get("driver", profile["driver"]), profile["nvidia"]
    pool["gpuProfile"] = {"driver": driver, "nvidia": nvidia | {"managementMode": fault.options.get("mode", nvidia["managementMode"])}}
    if "mig" in fault.options:
        pool["gpuInstanceProfile"] = fault.options["mig"] or None


def check_headers(header: str | None) -> None:
    """The dedicated GPU image is retired since January 2025: no new pools with it."""
    if header is not None and header.lower() == "true":
        raise refused("BadRequest", f"The custom header {RETIRED_IMAGE_HEADER} is no longer supported: the GPU dedicated VHD is retired.")
