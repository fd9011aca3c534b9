"""The output of nvidia-smi for the GPUs that a container was given (NVIDIA: nvidia-smi of the R580 driver)."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator

from playground.kubernetes.gpumodels import CUDA
from playground.kubernetes.gpus import Gpu

MISMATCH, LIBRARY = "Driver/library version mismatch", "580.159"
_RULE = "+-----------------------------------------+------------------------+----------------------+"


def output(arguments: str, gpus: list[Gpu], now: float) -> Iterator[str]:
    """Lines for ``nvidia-smi ARGUMENTS``: ``-L``, ``--query-gpu=…``, or the table. `now` in epoch seconds."""
    query = re.search(r"--query-gpu[= ](\S+)", arguments)
    if "-L" in arguments.split():
        for gpu in gpus:
            yield f"GPU {_order(gpu, gpus)}: {gpu.model.name} (UUID: {gpu_uuid(gpu)})"
    elif query is not None:
        yield from _queried(query[1].split(","), gpus, arguments)
    else:
        yield from _table(gpus, now)


def gpu_uuid(gpu: Gpu) -> str:
    """The device's UUID; the same for the same device."""
    return f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, f'{gpu.bus}/{gpu.model.name}')}"


def _order(gpu: Gpu, gpus: list[Gpu]) -> int:
    return gpus.index(gpu)


def _queried(fields: list[str], gpus: list[Gpu], arguments: str) -> Iterator[str]:
    units = "nounits" not in arguments
    if "noheader" not in arguments:
        yield ", ".join(field + (" [MiB]" if field.startswith("memory.") else "") for field in fields)
    for gpu in gpus:
        model, mib = gpu.model, " MiB" if units else ""
        known = {
            "index": str(_order(gpu, gpus)),
            "name": model.name,
            "gpu_name": model.name,
            "count": str(len(gpus)),
            "driver_version": model.driver,
            "uuid": gpu_uuid(gpu),
            "gpu_uuid": gpu_uuid(gpu),
            "pci.bus_id": gpu.bus,
            "memory.total": f"{model.memory_mib}{mib}",
            "memory.used": f"0{mib}",
            "memory.free": f"{model.memory_mib - 450}{mib}",
            "compute_cap": f"{model.major}.{model.minor}",
            "utilization.gpu": "0 %" if units else "0",
            "temperature.gpu": "34",
            "mig.mode.current": "[N/A]",
        }
        yield ", ".join(known.get(field, "[N/A]") for field in fields)


def _table(gpus: list[Gpu], now: float) -> Iterator[str]:
    driver = gpus[0].model.driver
    yield time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(now)).ljust(31)
    yield "+-----------------------------------------------------------------------------------------+"
    yield f"| NVIDIA-SMI {driver:<23}Driver Version: {driver:<15}CUDA Version: {CUDA:<9}|"
    yield _RULE
    yield "| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |"
    yield "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |"
    yield "|                                         |                        |               MIG M. |"
    yield "|=========================================+========================+======================|"
    for gpu in gpus:
        model = gpu.model
        yield f"| {_order(gpu, gpus):>3}  {model.name:<27.27}Off |   {'0000' + gpu.bus:>16.16} Off |                    0 |"
        memory = f"0MiB / {model.memory_mib:>6}MiB"
        yield f"| N/A   34C    P8              9W / {model.watts:>4}W | {memory:>22} |      0%      Default |"
        yield "|                                         |                        |                  N/A |"
        yield _RULE
    yield ""
    yield "+-----------------------------------------------------------------------------------------+"
    yield "| Processes:                                                                              |"
    yield "|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |"
    yield "|        ID   ID                                                               Usage      |"
    yield "|=========================================================================================|"
    yield "|  No running processes found                                                             |"
    yield "+-----------------------------------------------------------------------------------------+"
