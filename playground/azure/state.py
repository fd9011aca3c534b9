"""What exists in the simulated subscription: resource groups, clusters, node pools. Names are found in any case, as in Azure."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from playground import chance
from playground.azure.errors import no_cluster, no_group, no_parent, no_pool
from playground.azure.identity import Identity
from playground.azure.operations import Operation, Operations
from playground.azure.throttling import Buckets
from playground.backend import ClusterBackend, cluster_id_of
from playground.clock import Clock
from playground.faults import Faults

SUBSCRIPTION_ID: Final = "00000000-0000-4000-8000-000000000001"
Wire = dict[str, Any]


def _etag() -> str:
    return chance.uid("etag")


@dataclass
class AgentPool:
    """One node pool; `properties` as on the wire, without provisioningState, powerState and eTag."""

    name: str
    properties: Wire
    created_at: float
    provisioning_state: str = "Creating"
    stopped: bool = False
    etag: str = field(default_factory=_etag)
    operation: Operation | None = None
    error: Wire | None = None

    @property
    def busy(self) -> Operation | None:
        """The operation that runs on it, if any."""
        return self.operation if self.operation and self.operation.running else None

    def becomes(self, provisioning_state: str) -> None:
        """Change the state, and with it the eTag."""
        self.provisioning_state = provisioning_state
        self.etag = _etag()


@dataclass
class Cluster:
    """One managed cluster; `body` as on the wire without what is computed."""

    name: str
    group: str
    location: str
    body: Wire
    version: str
    created_at: float
    provisioning_state: str = "Creating"
    stopped: bool = False
    etag: str = field(default_factory=_etag)
    operation: Operation | None = None
    pools: dict[str, AgentPool] = field(default_factory=dict)

    @property
    def busy(self) -> Operation | None:
        """The operation that runs on the cluster itself, if any."""
        return self.operation if self.operation and self.operation.running else None

    @property
    def backend_id(self) -> str:
        """The id that the backend knows."""
        return cluster_id_of(self.group, self.name)

    @property
    def node_group(self) -> str:
        """The resource group of the nodes."""
        wanted: str | None = self.body["properties"].get("nodeResourceGroup")
        return wanted or f"MC_{self.group}_{self.name}_{self.location}"[:80]

    def becomes(self, provisioning_state: str) -> None:
        """Change the state, and with it the eTag."""
        self.provisioning_state = provisioning_state
        self.etag = _etag()


@dataclass
class Group:
    """One resource group."""

    name: str
    location: str
    tags: dict[str, str]
    created_at: float
    provisioning_state: str = "Succeeded"
    managed_by: str | None = None
    operation: Operation | None = None
    clusters: dict[str, Cluster] = field(default_factory=dict)


@dataclass
class Provider:
    """A resource provider's registration; `propagated` holds the features that it has learnt of by being registered again."""

    namespace: str
    state: str = "Registered"
    features: dict[str, str] = field(default_factory=dict)
    propagated: set[str] = field(default_factory=set)


class Subscription:
    """The whole simulated subscription, and what its rules need."""

    def __init__(self, clock: Clock, faults: Faults, backend: ClusterBackend, *, public_url: str, subscription_id: str = SUBSCRIPTION_ID) -> None:
        self.id = subscription_id
        self.clock = clock
        self.faults = faults
        self.backend = backend
        self.public_url = public_url.rstrip("/")
        self.identity = Identity(self.public_url)
        self.operations = Operations(clock, subscription_id)
        self.buckets = Buckets(clock)
        self.groups: dict[str, Group] = {}
        self.quota_overrides: dict[tuple[str, str], int] = {}
        self.page_size = 1000
        self._settling: set[asyncio.Task[None]] = set()
        names = (
            "Microsoft.ContainerService",
            "Microsoft.Compute",
            "Microsoft.Resources",
            "Microsoft.Network",
            "Microsoft.Storage",
            "Microsoft.Features",
        )
        self.providers = {name.lower(): Provider(name) for name in names}

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something settle by itself; the task is kept until it is done."""
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    def close(self) -> None:
        """End everything that still runs (the process stops)."""
        self.operations.close()
        for task in self._settling:
            task.cancel()

    def clusters(self) -> list[Cluster]:
        """All clusters of all groups."""
        return [cluster for group in self.groups.values() for cluster in group.clusters.values()]

    def group(self, name: str) -> Group:
        """Raises 404 ResourceGroupNotFound."""
        group = self.groups.get(name.lower())
        if group is None:
            raise no_group(name)
        return group

    def cluster(self, group_name: str, name: str) -> Cluster:
        """Raises 404 for the group or the cluster."""
        cluster = self.group(group_name).clusters.get(name.lower())
        if cluster is None:
            raise no_cluster(group_name, name)
        return cluster

    def parent(self, group_name: str, name: str, verb: str) -> Cluster:
        """The cluster of a node pool; raises 404 ParentResourceNotFound."""
        cluster = self.group(group_name).clusters.get(name.lower())
        if cluster is None:
            raise no_parent(verb, f"/subscriptions/{self.id}/resourceGroups/{group_name}/providers/Microsoft.ContainerService/managedClusters/{name}")
        return cluster

    def pool(self, cluster: Cluster, name: str) -> AgentPool:
        """Raises 404 NotFound."""
        pool = cluster.pools.get(name.lower())
        if pool is None:
            raise no_pool(name)
        return pool


SUBSCRIPTION: Final = web.AppKey("subscription", Subscription)


def subscription_of(request: web.Request) -> Subscription:
    """The subscription that this application serves."""
    return request.app[SUBSCRIPTION]
