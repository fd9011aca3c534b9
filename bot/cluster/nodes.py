"""Node capacity: which GPUs there are, which are free, who holds the others.

:func:`tally` is pure and takes plain objects; :func:`capacity` reads them. Pods are read page by page and only those that ask for a
GPU are kept, so that 10,000 pods cost one page of memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.cluster.access import Access
from bot.cluster.hardware import MANAGED_LABEL, SPOT_LABEL, model_of, pool_of, problems_of, size_of, wants_gpus
from bot.cluster.objects import (
    GPU,
    OP_LABEL,
    OWNER_LABEL,
    TERMINAL,
    Json,
    condition,
    gpu_requests,
    is_gpu,
    is_true,
    labels_of,
    meta,
    name_of,
    notes_of,
    owner_name,
    taint_text,
    when,
)
from bot.cluster.quantities import devices


@dataclass(frozen=True)
class Holder:
    """A pod that holds GPUs: `count` of `resource` on one node, `since` it was started (or made)."""

    namespace: str
    pod: str
    job: str | None
    owner: str | None
    op: str | None
    resource: str
    count: int
    since: datetime | None


@dataclass(frozen=True)
class Count:
    """Devices of one resource. `free` is what the scheduler could still give out: 0 on a node that takes no pods."""

    capacity: int = 0
    allocatable: int = 0
    requested: int = 0
    free: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.capacity + other.capacity, self.allocatable + other.allocatable, self.requested + other.requested, self.free + other.free)


@dataclass(frozen=True)
class GpuNode:
    """A node with GPUs, or one that should have some (a GPU size or the accelerator label) and shows none yet.

    `price` is per hour in the currency of the prices given; None is unknown and never zero. `problems` are in plain words.
    """

    name: str
    pool: str
    size: str
    model: str
    ready: bool
    schedulable: bool
    spot: bool
    managed: bool
    created: datetime | None
    taints: tuple[str, ...]
    problems: tuple[str, ...]
    resources: Mapping[str, Count]
    holders: tuple[Holder, ...]
    price: Decimal | None

    @property
    def total(self) -> Count:
        """All GPU resources of the node together."""
        return sum(self.resources.values(), Count())


@dataclass(frozen=True)
class PoolCapacity:
    """The nodes of one node pool; `price` is per hour for all of them, None if any is unknown."""

    name: str
    nodes: tuple[GpuNode, ...]

    @property
    def total(self) -> Count:
        """All GPU resources of the pool together."""
        return sum((node.total for node in self.nodes), Count())

    @property
    def ready(self) -> int:
        """Nodes that are Ready."""
        return sum(node.ready for node in self.nodes)

    @property
    def price(self) -> Decimal | None:
        """Per hour, all nodes."""
        prices = [node.price for node in self.nodes]
        return sum((price for price in prices if price is not None), Decimal(0)) if None not in prices else None


@dataclass(frozen=True)
class PendingPod:
    """A pod that wants GPUs and has no node; `reason` in the scheduler's own words (may be empty)."""

    namespace: str
    pod: str
    job: str | None
    owner: str | None
    resource: str
    count: int
    since: datetime | None
    reason: str


@dataclass(frozen=True)
class Capacity:
    """One look at a cluster: GPU nodes by name, pods that wait for GPUs oldest first, and how many nodes have no GPU."""

    nodes: tuple[GpuNode, ...]
    pending: tuple[PendingPod, ...] = ()
    other_nodes: int = 0
    pools: tuple[PoolCapacity, ...] = field(default=())

    @property
    def total(self) -> Count:
        """All GPU resources of the cluster together."""
        return sum((node.total for node in self.nodes), Count())

    @property
    def largest_free_block(self) -> int:
        """The most whole GPUs (`nvidia.com/gpu`) that one pod could get now."""
        return self.largest_free(GPU)

    def largest_free(self, resource: str) -> int:
        """The same for any GPU resource."""
        return max((node.resources.get(resource, Count()).free for node in self.nodes), default=0)

    def resources(self) -> tuple[str, ...]:
        """The GPU resource names that any node offers."""
        return tuple(sorted({name for node in self.nodes for name in node.resources}))


async def capacity(access: Access, prices: Mapping[str, Decimal] | None = None) -> Capacity:
    """Read the cluster and count.

    `prices` are per node and hour: by node pool name, else by VM size as Azure spells it (`Standard_NC4as_T4_v3`; a Spot node only by
    `SIZE:spot`). Raises the errors of :class:`bot.cluster.access.Access`.
    """

    def read() -> tuple[list[Json], list[Json]]:
        nodes = [item for page in access.pages_now("/api/v1/nodes") for item in page.get("items") or ()]
        live = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
        pods = [item for page in access.pages_now("/api/v1/pods", live) for item in page.get("items") or () if gpu_requests(item)]
        return nodes, pods

    nodes, pods = await access.run(read)
    return tally(nodes, pods, prices)


def tally(nodes: Iterable[Json], pods: Iterable[Json], prices: Mapping[str, Decimal] | None = None) -> Capacity:
    """Count GPUs per node. Pods in a terminal phase hold nothing; one that is being deleted still does (Kubernetes: scheduler)."""
    held: dict[str, list[Holder]] = defaultdict(list)
    pending: list[PendingPod] = []
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in TERMINAL:
            continue
        node = (pod.get("spec") or {}).get("nodeName")
        for resource, count in gpu_requests(pod).items():
            if count and node:
                held[str(node)].append(_holder(pod, resource, count))
            elif count and not meta(pod).get("deletionTimestamp"):
                pending.append(_pending(pod, resource, count))
    found: list[GpuNode] = []
    others = 0
    for item in nodes:
        if wants_gpus(item):
            found.append(_node(item, tuple(held[name_of(item)]), prices or {}))
        else:
            others += 1
    found.sort(key=lambda node: (node.pool, node.name))
    pending.sort(key=lambda pod: (pod.since is None, pod.since.timestamp() if pod.since else 0.0, pod.pod))
    by_pool: dict[str, list[GpuNode]] = defaultdict(list)
    for gpu_node in found:
        by_pool[gpu_node.pool].append(gpu_node)
    pools = tuple(PoolCapacity(name, tuple(members)) for name, members in sorted(by_pool.items()))
    return Capacity(nodes=tuple(found), pending=tuple(pending), other_nodes=others, pools=pools)


def _node(node: Json, holders: tuple[Holder, ...], prices: Mapping[str, Decimal]) -> GpuNode:
    status, spec = node.get("status") or {}, node.get("spec") or {}
    ready = is_true(node, "Ready")
    schedulable = not spec.get("unschedulable")
    spot = labels_of(node).get(SPOT_LABEL) == "spot"
    pool, size = pool_of(node), size_of(node)
    has, gives = status.get("capacity") or {}, status.get("allocatable") or {}
    resources: dict[str, Count] = {}
    for name in sorted({name for name in (*has, *gives) if is_gpu(name)} | {holder.resource for holder in holders}):
        allocatable, requested = devices(gives.get(name)), sum(holder.count for holder in holders if holder.resource == name)
        free = max(0, allocatable - requested) if ready and schedulable else 0
        resources[name] = Count(devices(has.get(name)), allocatable, requested, free)
    return GpuNode(
        name=name_of(node),
        pool=pool,
        size=size,
        model=model_of(node),
        ready=ready,
        schedulable=schedulable,
        spot=spot,
        managed=labels_of(node).get(MANAGED_LABEL) == "enabled",
        created=when(meta(node).get("creationTimestamp")),
        taints=tuple(taint_text(taint) for taint in spec.get("taints") or ()),
        problems=problems_of(node),
        resources=resources,
        holders=holders,
        price=prices.get(pool, prices.get(f"{size}:spot" if spot else size)),
    )


def _holder(pod: Json, resource: str, count: int) -> Holder:
    status = pod.get("status") or {}
    since = when(status.get("startTime")) or when(meta(pod).get("creationTimestamp"))
    return Holder(resource=resource, count=count, since=since, **_identity(pod))


def _pending(pod: Json, resource: str, count: int) -> PendingPod:
    reason = str(condition(pod, "PodScheduled").get("message") or "")
    identity = _identity(pod)
    identity.pop("op")
    return PendingPod(resource=resource, count=count, since=when(meta(pod).get("creationTimestamp")), reason=reason, **identity)


def _identity(pod: Json) -> dict[str, Any]:
    labels = labels_of(pod)
    return {
        "namespace": str(meta(pod).get("namespace") or "default"),
        "pod": name_of(pod),
        "job": owner_name(pod, "Job") or labels.get("batch.kubernetes.io/job-name") or labels.get("job-name"),
        "owner": labels.get(OWNER_LABEL) or notes_of(pod).get(OWNER_LABEL),
        "op": labels.get(OP_LABEL),
    }
