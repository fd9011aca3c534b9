"""What nvidia-smi printed: driver, CUDA version and GPU models."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DRIVER: Final = re.compile(r"Driver Version:\s*([0-9]+(?:\.[0-9]+)+)")
_CUDA: Final = re.compile(r"CUDA(?: UMD)? Version:\s*([0-9]+(?:\.[0-9]+)+)")
_ROW: Final = re.compile(
    r"^\|\s+(\d+)\s+((?:NVIDIA |Tesla |GRID |Quadro |GeForce |A\d|H\d|B\d|GB\d|L\d|T\d|V\d)[^|]*?)\s+(?:On|Off|N/A|\.\.\.)\s*\|",
    re.MULTILINE,
)
_LISTED: Final = re.compile(r"^GPU (\d+): (.+?) \(UUID: ", re.MULTILINE)
_MIG: Final = re.compile(r"^\s+MIG (\S+)\s+Device", re.MULTILINE)


@dataclass(frozen=True)
class Smi:
    """`models` has one entry for each GPU that the container sees; `slices` the MIG profiles, where they are listed."""

    driver: str | None
    cuda: str | None
    models: tuple[str, ...]
    slices: tuple[str, ...] = ()


def read_smi(text: str) -> Smi:
    """Read the table of `nvidia-smi` or the list of `nvidia-smi -L`; what is not there stays None or empty."""
    driver, cuda = _DRIVER.search(text), _CUDA.search(text)
    rows = {number: model.strip() for number, model in (*_ROW.findall(text), *_LISTED.findall(text))}
    return Smi(driver[1] if driver else None, cuda[1] if cuda else None, tuple(rows.values()), tuple(_MIG.findall(text)))


def driver_fault(text: str) -> tuple[str, str] | None:
    """The cause code and the telling line, where a log shows that the driver or the GPU is at fault (NVIDIA: known messages)."""
    for code, pattern in _FAULTS:
        found = pattern.search(text)
        if found:
            start = text.rfind("\n", 0, found.start()) + 1
            end = text.find("\n", found.end())
            return code, text[start : end if end >= 0 else len(text)].strip()[:200]
    return None


_FAULTS: Final = (
    ("driver_mismatch", re.compile(r"Driver/library version mismatch", re.IGNORECASE)),
    ("cuda_too_new", re.compile(r"driver version is insufficient for CUDA runtime|unsatisfied condition: cuda|requirement error.*cuda", re.I)),
    ("probe_no_gpu", re.compile(r"No devices were found|Unable to determine the device handle|GPU is lost|fallen off the bus", re.I)),
    (
        "driver_missing",
        re.compile(
            r"couldn't communicate with the NVIDIA driver|NVIDIA-SMI has failed|libnvidia-ml\.so[^\n]*(?:not found|cannot open)"
            r"|driver not loaded|did you configure the NVIDIA Container Toolkit"
            r"|\"?nvidia-smi\"?: (?:executable file )?(?:command )?not found|driver/library not found|load library failed",
            re.IGNORECASE,
        ),
    ),
    (
        "runtime_broken",
        re.compile(r"nvidia-container-cli|nvidia-container-runtime|failed to inject CDI|unresolvable CDI|NVML: Unknown Error", re.I),
    ),
)
