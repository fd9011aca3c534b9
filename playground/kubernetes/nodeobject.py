"""The Node object of an AKS node: labels, taints, capacity, system info (Azure: AKS node reservations and labels)."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from playground.backend import Pool
from playground.kubernetes.gpumodels import model_of
from playground.kubernetes.objects import Json

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

IMAGE = "AKSUbuntu-2204gen2containerd-202608.15.0"
_MAX_PODS = 110
# Azure: AKS reserves these millicores by core count.
_CPU_RESERVED = ((1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740))


def condition(kind: str, status: str, reason: str, message: str, now: str) -> Json:
    """A node condition, complete."""
    return {"type": kind, "status": status, "lastHeartbeatTime": now, "lastTransitionTime": now, "reason": reason, "message": message}


def pool_taints(pool: Pool) -> list[Json]:
    """The pool's taints as objects; ``key=value:Effect`` and ``key:Effect``."""
    taints = []
    for text in pool.taints:
        pair, _, effect = text.rpartition(":")
        key, _, value = pair.partition("=")
        taints.append({"key": key, "effect": effect} | ({"value": value} if value else {}))
    return taints


def pool_labels(cluster: Cluster, name: str, pool: Pool) -> dict[str, str]:
    """What AKS and the user put on the pool's nodes."""
    region = cluster.region
    zone = f"{region}-{pool.zones[_number(name) % len(pool.zones)]}" if pool.zones else "0"
    size = pool.vm_size
    labels = {
        "agentpool": pool.name,
        "kubernetes.azure.com/agentpool": pool.name,
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/instance-type": size,
        "beta.kubernetes.io/os": "linux",
        "failure-domain.beta.kubernetes.io/region": region,
        "failure-domain.beta.kubernetes.io/zone": zone,
        "kubernetes.azure.com/cluster": pool.resource_group or cluster.id,
        "kubernetes.azure.com/mode": pool.mode.lower(),
        "kubernetes.azure.com/node-image-version": IMAGE,
        "kubernetes.azure.com/os-sku": "Ubuntu",
        "kubernetes.azure.com/role": "agent",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": size,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": zone,
    }
    if model_of(pool) is not None:
        labels |= {"accelerator": "nvidia", "kubernetes.azure.com/accelerator": "nvidia"}
    if pool.managed:
        labels["kubernetes.azure.com/dcgm-exporter"] = "enabled"
    if pool.spot:
        labels["kubernetes.azure.com/scalesetpriority"] = "spot"
    return labels | pool.labels


def new_node(cluster: Cluster, name: str, pool: Pool) -> Json:
    """A node that has just registered: NotReady, no GPUs yet."""
    now, number = cluster.clock.iso(), _number(name)
    capacity, allocatable = _resources(pool)
    message = (
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
        "message:Network plugin returns error: cni plugin not initialized"
    )
    conditions = [condition("Ready", "False", "KubeletNotReady", message, now)]
    if pool.managed:
        conditions += [
            condition("UnhealthyNvidiaDevicePlugin", "False", "HealthyNvidiaDevicePlugin", "NVIDIA device plugin is running", now),
            condition("UnhealthyNvidiaDCGMServices", "False", "HealthyNvidiaDCGMServices", "NVIDIA DCGM services are running", now),
        ]
    taints = [*pool_taints(pool), {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
    provider = (
        f"azure:///subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/{(pool.resource_group or cluster.id).lower()}/providers/"
        f"Microsoft.Compute/virtualMachineScaleSets/{name[:-6]}/virtualMachines/{number}"
    )
    subnet = f"10.{244 + number // 256 % 8}.{number % 256}.0/24"
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "labels": pool_labels(cluster, name, pool),
            "annotations": {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": {"podCIDR": subnet, "podCIDRs": [subnet], "providerID": provider, "taints": taints},
        "status": {
            "capacity": capacity,
            "allocatable": allocatable,
            "conditions": conditions,
            "addresses": [{"type": "InternalIP", "address": address_of(name)}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": _info(cluster, name),
            "images": [],
        },
    }


def address_of(name: str) -> str:
    """The node's address in the virtual network; the same for the life of the node."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:4], 16)
    return f"10.224.{number // 250 % 250}.{number % 250 + 4}"


def _number(name: str) -> int:
    return int(name[-6:], 36)


def _resources(pool: Pool) -> tuple[dict[str, str], dict[str, str]]:
    reserved = next((milli for cores, milli in reversed(_CPU_RESERVED) if pool.vcpus >= cores), 60)
    memory = int(pool.memory_gib * 1024 * 1024 * 0.965)
    kept = min(20 * 1024 * _MAX_PODS + 50 * 1024, memory // 4) + 100 * 1024
    base = {"ephemeral-storage": "129886128Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0", "pods": str(_MAX_PODS)}
    capacity = {"cpu": str(pool.vcpus), "memory": f"{memory}Ki", **base}
    allocatable = {"cpu": f"{pool.vcpus * 1000 - reserved}m", "memory": f"{memory - kept}Ki", **base, "ephemeral-storage": "119703055367"}
    return capacity, allocatable


def _info(cluster: Cluster, name: str) -> Json:
    machine = uuid.uuid5(uuid.NAMESPACE_DNS, name)
    return {
        "machineID": machine.hex,
        "systemUUID": str(machine),
        "bootID": str(uuid.uuid5(machine, "boot")),
        "kernelVersion": "5.15.0-1092-azure",
        "osImage": "Ubuntu 22.04.5 LTS",
        "containerRuntimeVersion": "containerd://1.7.28-1",
        "kubeletVersion": f"v{cluster.version}",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
