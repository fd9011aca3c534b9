"""Kubernetes objects as the API server sends them, with only what a test is about spelt out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
NOW = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    """A Kubernetes timestamp that many seconds before NOW."""
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(
    name: str = "aks-gpu-1",
    *,
    pool: str | None = "gpu",
    size: str = "Standard_NC4as_T4_v3",
    gpus: int | None = 1,
    allocatable: int | None = None,
    resource: str = "nvidia.com/gpu",
    ready: str = "True",
    ready_message: str = "",
    age: float = 3600,
    taints: tuple[str, ...] = ("sku=gpu:NoSchedule",),
    conditions: dict[str, str] | None = None,
    cordoned: bool = False,
    labels: dict[str, str] | None = None,
) -> Json:
    """A node; `gpus` None: it shows no GPU resource at all."""
    own = {"node.kubernetes.io/instance-type": size}
    if pool:
        own |= {"agentpool": pool, "kubernetes.azure.com/agentpool": pool}
    if size.startswith("Standard_N"):
        own |= {"accelerator": "nvidia", "kubernetes.azure.com/accelerator": "nvidia"}
    amounts = {} if gpus is None else {resource: str(gpus)}
    free = {} if gpus is None else {resource: str(gpus if allocatable is None else allocatable)}
    found = [{"type": "Ready", "status": ready, "reason": "KubeletReady" if ready == "True" else "KubeletNotReady", "message": ready_message}]
    found += [{"type": kind, "status": "True", "message": message} for kind, message in (conditions or {}).items()]
    spec: Json = {"taints": [taint(text) for text in taints]}
    if cordoned:
        spec["unschedulable"] = True
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "creationTimestamp": ago(age), "labels": own | (labels or {})},
        "spec": spec,
        "status": {
            "conditions": found,
            "capacity": {"cpu": "4", "memory": "28Gi", "pods": "110", **amounts},
            "allocatable": {"cpu": "3860m", "memory": "25Gi", "pods": "110", **free},
        },
    }


def taint(text: str) -> Json:
    """`key=value:Effect` as an object."""
    head, _, effect = text.rpartition(":")
    key, equals, value = head.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if equals else {})}


def pod(
    name: str = "train-abcde",
    *,
    gpus: int = 1,
    on: str | None = "aks-gpu-1",
    phase: str = "Running",
    job: str | None = "train",
    namespace: str = "default",
    resource: str = "nvidia.com/gpu",
    container: Json | None = None,
    conditions: list[Json] | None = None,
    reason: str = "",
    message: str = "",
    age: float = 600,
    labels: dict[str, str] | None = None,
    deleting: bool = False,
    restart: str = "Never",
    **metadata: Any,
) -> Json:
    """A pod; `container` is its one container status."""
    spec: Json = {
        "restartPolicy": restart,
        "containers": [{"name": "main", "image": "x", "resources": {"limits": {resource: str(gpus)} if gpus else {}}}],
    }
    if on:
        spec["nodeName"] = on
    status: Json = {"phase": phase, "conditions": conditions or [], "containerStatuses": [container] if container else []}
    if on:
        status["startTime"] = ago(age)
    if reason:
        status |= {"reason": reason, "message": message}
    meta: Json = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "creationTimestamp": ago(age), "labels": labels or {}, **metadata}
    if job:
        meta["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": f"uid-{job}"}]
    if deleting:
        meta["deletionTimestamp"] = ago(1)
    return {"metadata": meta, "spec": spec, "status": status}


def container(state: str, *, restarts: int = 0, last: Json | None = None, **fields: Any) -> Json:
    """A container status; `state` is waiting, running or terminated, `fields` what stands in it."""
    now = {"ready": state == "running", "restartCount": restarts, "state": {state: fields}}
    found: Json = {"name": "main", "image": "x", "imageID": "", **now}
    if last:
        found["lastState"] = {"terminated": last}
    return found


def unschedulable(message: str) -> list[Json]:
    """The condition of a pod that the scheduler could not place."""
    return [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]


def job(name: str = "train", *, conditions: list[Json] | None = None, spec: Json | None = None, **status: Any) -> Json:
    """A Job."""
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": f"uid-{name}",
            "creationTimestamp": ago(700),
            "labels": {"quartermaster-op": "op1"},
        },
        "spec": {"completions": 1, "parallelism": 1, **(spec or {})},
        "status": {**status, "conditions": conditions or []},
    }


def event(of: str, reason: str, message: str, age: float = 10) -> Json:
    """An event about a pod."""
    return {"involvedObject": {"kind": "Pod", "name": of}, "reason": reason, "message": message, "lastTimestamp": ago(age), "type": "Normal"}
