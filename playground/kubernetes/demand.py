"""How many nodes of a pool its pods need: what the cluster autoscaler asks (Kubernetes: cluster-autoscaler)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from playground.kubernetes.gpumodels import mig_resource, mig_slices, model_of
from playground.kubernetes.nodeobject import new_node, pool_taints
from playground.kubernetes.objects import Json, quantity
from playground.kubernetes.resources import PODS
from playground.kubernetes.scheduler import TERMINAL, Amounts, pinned_to, refusal, requests_of

if TYPE_CHECKING:
    from playground.backend import Pool
    from playground.kubernetes.cluster import Cluster


def nodes_wanted(cluster: Cluster, pool: Pool) -> int:
    """Those that run pods and those that the unschedulable pods would fill; idle ones in front of the last that is busy cannot go either."""
    busy = [any(_counts(pod) for pod in cluster.store.pods_on(name)) for name in cluster.nodes.names(pool.name)]
    last = max((number for number, works in enumerate(busy, 1) if works), default=0)
    return max(last, sum(busy) + _bins(cluster, pool))


def _counts(pod: Json) -> bool:
    """Whether the pod keeps a node: neither over nor of a DaemonSet."""
    owners = pod["metadata"].get("ownerReferences") or []
    return pod["status"].get("phase") not in TERMINAL and all(owner["kind"] != "DaemonSet" for owner in owners)


def _bins(cluster: Cluster, pool: Pool) -> int:
    """How many fresh nodes the unschedulable pods that such a node would take need."""
    node = new_node(cluster, f"aks-{pool.name}-00000000-vmss000000", pool)
    node["spec"]["taints"] = pool_taints(pool)
    total = {name: quantity(text) for name, text in node["status"]["allocatable"].items()} | _gpus(pool)
    rooms: list[tuple[Amounts, list[Json]]] = []
    for pod in cluster.store.all(PODS):
        conditions = pod["status"].get("conditions") or []
        if pod["spec"].get("nodeName") or pinned_to(pod["spec"]) or all(one.get("reason") != "Unschedulable" for one in conditions):
            continue
        requests = requests_of(pod["spec"])
        if refusal(pod, requests, node, total, {}, 0)[0]:
            continue
        room = next((one for one in rooms if not refusal(pod, requests, node, total, one[0], len(one[1]))[0]), None)
        if room is None:
            room = ({}, [])
            rooms.append(room)
        room[1].append(pod)
        for name, amount in requests.items():
            room[0][name] = room[0].get(name, Decimal(0)) + amount
    return len(rooms)


def _gpus(pool: Pool) -> Amounts:
    """What a device plugin will advertise on such a node, by either MIG strategy."""
    if model_of(pool) is None:
        return {}
    slices = mig_slices(pool)
    whole = {"nvidia.com/gpu": Decimal(pool.gpu_count * (slices or 1))}
    return whole | ({mig_resource(pool): Decimal(pool.gpu_count * slices)} if slices else {})
