"""What a node is made of: pool, VM size, GPU model, and what is wrong with it."""

from __future__ import annotations

import re
from typing import Final

from bot.cluster.objects import Json, condition, is_gpu, is_true, labels_of
from bot.cluster.quantities import devices

POOL_LABELS: Final = ("kubernetes.azure.com/agentpool", "agentpool")
SPOT_LABEL: Final = "kubernetes.azure.com/scalesetpriority"
MANAGED_LABEL: Final = "kubernetes.azure.com/dcgm-exporter"

# True means bad. The first two come with the GPU stack that AKS manages, the others from AKS' node problem detector and the kubelet.
UNHEALTHY: Final = (
    "UnhealthyNvidiaDevicePlugin",
    "UnhealthyNvidiaDCGMServices",
    "GPUMissing",
    "NVLinkStatusInactive",
    "XIDErrors",
    "IBLinkFlapping",
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    "NetworkUnavailable",
    "KernelDeadlock",
    "ReadonlyFilesystem",
    "VMEventScheduled",
)

_MODELS: Final = re.compile(r"(GB300|GB200|MI300X|RTXPRO6000|H200|H100|A100|A10|T4)(?![0-9A-Z])", re.IGNORECASE)
_OLD_MODELS: Final = (
    (re.compile(r"Standard_NC\d+r?s_v3"), "V100"),
    (re.compile(r"Standard_ND40rs_v2"), "V100"),
    (re.compile(r"Standard_NC\d+r?"), "K80"),
)
_GPU_SIZE: Final = re.compile(r"Standard_N[CDVG]", re.IGNORECASE)


def pool_of(node: Json) -> str:
    """The AKS node pool that a node belongs to ("-" outside AKS)."""
    labels = labels_of(node)
    return next((str(labels[key]) for key in POOL_LABELS if labels.get(key)), "-")


def size_of(node: Json) -> str:
    """The VM size of a node as the cloud spells it ("-" where it has none)."""
    labels = labels_of(node)
    return str(labels.get("node.kubernetes.io/instance-type") or labels.get("beta.kubernetes.io/instance-type") or "-")


def model_of(node: Json) -> str:
    """The GPU's model: what GPU feature discovery saw, else what the VM size promises, else "?"."""
    product = labels_of(node).get("nvidia.com/gpu.product")
    return str(product).replace("-", " ") if product else model_of_size(size_of(node)) or "?"


def model_of_size(size: str) -> str | None:
    """The GPU model in a VM size's name (AKS: supported GPU sizes), None for a size that names none."""
    found = _MODELS.search(size)
    if found:
        return found[1].upper()
    return next((model for pattern, model in _OLD_MODELS if pattern.fullmatch(size)), None)


def problems_of(node: Json) -> tuple[str, ...]:
    """What is wrong with a node, in plain words, worst first."""
    found: list[str] = []
    ready = condition(node, "Ready")
    if ready.get("status") != "True":
        why = ready.get("message") or ready.get("reason") or "no report yet"
        found.append(f"not Ready: {why}")
    found += [f"{kind}: {condition(node, kind).get('message') or 'reported'}" for kind in UNHEALTHY if is_true(node, kind)]
    if (node.get("spec") or {}).get("unschedulable"):
        found.append("cordoned: takes no new pods")
    status = node.get("status") or {}
    has, gives = status.get("capacity") or {}, status.get("allocatable") or {}
    for name in sorted(name for name in has if is_gpu(name)):
        lost = devices(has[name]) - devices(gives.get(name))
        if lost > 0:
            found.append(f"{lost} of {devices(has[name])} {name} not allocatable")
    return tuple(found)


def wants_gpus(node: Json) -> bool:
    """Whether a node has GPUs, or should have: an accelerator label or a GPU size without any is a node worth showing."""
    status = node.get("status") or {}
    if any(is_gpu(name) and devices(value) > 0 for name, value in (status.get("capacity") or {}).items()):
        return True
    labels = labels_of(node)
    accelerator = "nvidia" in (labels.get("accelerator"), labels.get("kubernetes.azure.com/accelerator"))
    return accelerator or _GPU_SIZE.match(size_of(node)) is not None
