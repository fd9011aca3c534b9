"""The seam between the simulated Azure (which decides *that* a cluster has nodes) and what plays Kubernetes behind it.

Azure's side calls :class:`ClusterBackend`; the simulated clusters, one real cluster (:mod:`playground.realcluster`) and
:class:`NoClusters` implement it. All calls are synchronous, quick and made from the one event loop; none of them may block
or raise for an id that it does not know (only `kubeconfig` raises KeyError). Nodes that need time to boot do so by themselves.

`cluster_id` is :func:`cluster_id_of`: ``"<resource group>--<cluster>"`` in lower case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import yaml


@dataclass(frozen=True)
class Pool:
    """A node pool as wanted; sizes are per node. `count` is 0 while the pool is stopped.

    `labels` and `taints` are those the user asked for plus those AKS adds for Spot; the labels that every AKS node carries
    (agentpool, node image, instance type, zone, accelerator) are the backend's to add. `taints` read ``"key=value:Effect"``.
    `gpu_count` is whole GPUs per node (0: none) and `gpu_model` e.g. ``"T4"``; `mig_profile` e.g. ``"MIG1g"``.
    `driver` "None" means that nobody installed a driver; `managed` means that AKS runs the device plugin itself.
    `min_count` and `max_count` are set while the cluster autoscaler is on (see :meth:`ClusterBackend.nodes_wanted`).
    `created_at` is in epoch seconds and the same for the life of the pool.
    """

    name: str
    count: int
    vm_size: str
    mode: Literal["System", "User"] = "User"
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[str] = field(default_factory=list)
    gpu_count: int = 0
    gpu_model: str = ""
    vcpus: int = 2
    memory_gib: float = 8.0
    driver: Literal["Install", "None"] = "Install"
    managed: bool = False
    mig_profile: str | None = None
    spot: bool = False
    kubernetes_version: str = ""
    zones: list[str] = field(default_factory=list)
    created_at: float = 0.0
    resource_group: str = ""
    min_count: int | None = None
    max_count: int | None = None


class ClusterBackend(Protocol):
    """What Azure's side needs of whatever plays Kubernetes; each docstring says when the call happens."""

    def create(self, cluster_id: str, *, kubernetes_version: str) -> None:
        """When PUT of a new managed cluster was accepted (the operation begins). Its API server must answer soon after.

        Followed at once by `set_pool` for each pool of the body. Called again with another version when an upgrade begins.
        """

    def delete(self, cluster_id: str) -> None:
        """When DELETE of the cluster or of its resource group has *completed*; with it go all nodes and objects."""

    def stop(self, cluster_id: str) -> None:
        """When a stop of the whole cluster begins: its API server stops answering, nodes go, objects stay."""

    def start(self, cluster_id: str) -> None:
        """When a start of a stopped cluster begins; `set_pool` follows for every pool that is not itself stopped."""

    def kubeconfig(self, cluster_id: str, *, admin: bool = False, entra: bool = False) -> str:
        """YAML, on listClusterUserCredential (`admin` False) or listClusterAdminCredential (`admin` True).

        `entra`: the cluster uses Entra ID, so the user's file carries an `exec` block (kubelogin) and no token.
        Raises KeyError for a cluster that `create` was never called for.
        """

    def set_pool(self, cluster_id: str, pool: Pool) -> None:
        """When a pool's operation *begins* (create, scale, update, stop: count 0, start). Not when there is no capacity for it.

        Desired state and idempotent: nodes of that pool are added, removed or kept so that `pool.count` remain.
        New nodes boot by themselves: first NotReady, then Ready. Labels and taints of kept nodes are brought up to date.
        An abort calls nothing: it leaves the nodes as they are.
        """

    def delete_pool(self, cluster_id: str, pool_name: str) -> None:
        """When DELETE of the pool has been accepted (nodes drain while the operation runs)."""

    def pool_ready(self, cluster_id: str, pool_name: str) -> bool:
        """Asked again and again during a pool's operation, which succeeds once the nodes are exactly as many as wanted and Ready.

        (Azure's side gives up waiting after a while and lets the operation succeed or fail as the real service would.)
        """

    def nodes_wanted(self, cluster_id: str, pool_name: str) -> int | None:
        """Asked again and again for a pool with the cluster autoscaler on: how many nodes its running and its unschedulable pods need.

        Azure's side then resizes the pool between its minimum and maximum with `set_pool`. None: the backend does not know.
        """


def cluster_id_of(resource_group: str, name: str) -> str:
    """The id under which both sides know the cluster."""
    return f"{resource_group}--{name}".lower()


class NoClusters:
    """A backend without Kubernetes: remembers what it was told (for tests of Azure's side alone); every pool is ready at once."""

    def __init__(self) -> None:
        self.pools: dict[str, dict[str, Pool]] = {}
        self.versions: dict[str, str] = {}
        self.stopped: set[str] = set()
        self.unready: set[str] = set()
        self.wanted: dict[str, int] = {}
        self.asked: list[str] = []

    def create(self, cluster_id: str, *, kubernetes_version: str) -> None:
        """See :class:`ClusterBackend`."""
        self.pools.setdefault(cluster_id, {})
        self.versions[cluster_id] = kubernetes_version

    def delete(self, cluster_id: str) -> None:
        """See :class:`ClusterBackend`."""
        self.pools.pop(cluster_id, None)
        self.versions.pop(cluster_id, None)
        self.stopped.discard(cluster_id)

    def stop(self, cluster_id: str) -> None:
        """See :class:`ClusterBackend`."""
        self.stopped.add(cluster_id)

    def start(self, cluster_id: str) -> None:
        """See :class:`ClusterBackend`."""
        self.stopped.discard(cluster_id)

    def kubeconfig(self, cluster_id: str, *, admin: bool = False, entra: bool = False) -> str:
        """A kubeconfig that points nowhere (port 9 discards); the shape is AKS's."""
        if cluster_id not in self.versions:
            raise KeyError(cluster_id)
        role = "clusterAdmin" if admin else "clusterUser"
        group, _, name = cluster_id.partition("--")
        user = f"{role}_{group}_{name}"
        login = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "args": ["get-token"]}}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": name,
                "clusters": [{"name": name, "cluster": {"server": f"https://127.0.0.1:9/clusters/{cluster_id}"}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
                "users": [{"name": user, "user": login if entra and not admin else {"token": f"playground-{role}"}}],
            },
            sort_keys=False,
        )

    def set_pool(self, cluster_id: str, pool: Pool) -> None:
        """See :class:`ClusterBackend`."""
        self.pools.setdefault(cluster_id, {})[pool.name] = pool

    def delete_pool(self, cluster_id: str, pool_name: str) -> None:
        """See :class:`ClusterBackend`."""
        self.pools.get(cluster_id, {}).pop(pool_name, None)

    def pool_ready(self, cluster_id: str, pool_name: str) -> bool:
        """True, unless a test put the pool's name into `unready`."""
        return pool_name not in self.unready

    def nodes_wanted(self, cluster_id: str, pool_name: str) -> int | None:
        """What a test put into `wanted`; `asked` lists the questions."""
        self.asked.append(pool_name)
        return self.wanted.get(pool_name)
