"""All simulated clusters behind the simulated Azure: a :class:`playground.backend.ClusterBackend`."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress

import yaml

from playground.backend import Pool
from playground.clock import Clock
from playground.faults import Faults
from playground.kubernetes.cluster import Cluster
from playground.kubernetes.demand import nodes_wanted
from playground.kubernetes.nodes import region_of
from playground.kubernetes.rbac import AKS_SERVER_APP, token_of
from playground.kubernetes.weather import Weather

TICK_SECONDS = 0.25


class Clusters:
    """`by_id` holds the clusters that exist. Made and used in one event loop."""

    def __init__(self, clock: Clock, faults: Faults, public_url: str, ca_pem: str) -> None:
        self._clock = clock
        self._faults = faults
        self._public_url = public_url
        self._ca_pem = ca_pem
        self.by_id: dict[str, Cluster] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._weather = Weather(faults)

    def create(self, cluster_id: str, *, kubernetes_version: str) -> None:
        """See :class:`playground.backend.ClusterBackend`."""
        cluster_id = cluster_id.lower()
        known = self.by_id.get(cluster_id)
        if known is not None:
            known.upgrade(kubernetes_version)
            return
        self.by_id[cluster_id] = Cluster(cluster_id, kubernetes_version, self._clock, self._faults)
        if self._ticker is None:
            self._ticker = asyncio.get_running_loop().create_task(self._tick())

    def delete(self, cluster_id: str) -> None:
        """See :class:`playground.backend.ClusterBackend`."""
        cluster = self.by_id.pop(cluster_id.lower(), None)
        if cluster is not None:
            task = asyncio.get_running_loop().create_task(cluster.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def stop(self, cluster_id: str) -> None:
        """See :class:`playground.backend.ClusterBackend`."""
        if cluster := self.by_id.get(cluster_id.lower()):
            cluster.stop()

    def start(self, cluster_id: str) -> None:
        """See :class:`playground.backend.ClusterBackend`."""
        if cluster := self.by_id.get(cluster_id.lower()):
            cluster.start()

    def set_pool(self, cluster_id: str, pool: Pool) -> None:
        """See :class:`playground.backend.ClusterBackend`."""
        if cluster := self.by_id.get(cluster_id.lower()):
            cluster.region = region_of(pool.resource_group) if pool.resource_group else cluster.region
            cluster.nodes.set_pool(pool)

    def delete_pool(self, cluster_id: str, pool_name: str) -> None:
        """See :class:`playground.backend.ClusterBackend`."""
        if cluster := self.by_id.get(cluster_id.lower()):
            cluster.nodes.delete_pool(pool_name)

    def pool_ready(self, cluster_id: str, pool_name: str) -> bool:
        """See :class:`playground.backend.ClusterBackend`."""
        cluster = self.by_id.get(cluster_id.lower())
        return cluster is not None and cluster.nodes.pool_ready(pool_name)

    def nodes_wanted(self, cluster_id: str, pool_name: str) -> int | None:
        """See :class:`playground.backend.ClusterBackend`."""
        cluster = self.by_id.get(cluster_id.lower())
        pool = cluster.nodes.pools.get(pool_name) if cluster is not None else None
        return nodes_wanted(cluster, pool) if cluster is not None and pool is not None else None

    def kubeconfig(self, cluster_id: str, *, admin: bool = False, entra: bool = False) -> str:
        """See :class:`playground.backend.ClusterBackend`. Raises KeyError."""
        cluster_id = cluster_id.lower()
        if cluster_id not in self.by_id:
            raise KeyError(cluster_id)
        if entra and not admin:
            arguments = ["get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER_APP, "--login", "devicecode"]
            login: dict[str, object] = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "args": arguments}
            return self._config(cluster_id, "clusterUser", {"exec": {**login, "env": None, "provideClusterInfo": False}})
        return self._config(cluster_id, "clusterAdmin" if admin else "clusterUser", {"token": token_of(cluster_id, "admin")})

    def kubeconfig_for(self, cluster_id: str, role: str) -> str:
        """A kubeconfig for a role of :mod:`playground.kubernetes.rbac` (admin, reader, nobody). Raises KeyError."""
        cluster_id = cluster_id.lower()
        if cluster_id not in self.by_id:
            raise KeyError(cluster_id)
        return self._config(cluster_id, role, {"token": token_of(cluster_id, role)})

    def _config(self, cluster_id: str, role: str, login: dict[str, object]) -> str:
        group, _, name = cluster_id.partition("--")
        user = f"{role}_{group}_{name}"
        server: dict[str, object] = {"server": f"{self._public_url}/clusters/{cluster_id}"}
        if self._ca_pem:
            server["certificate-authority-data"] = base64.b64encode(self._ca_pem.encode()).decode()
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": name,
                "preferences": {},
                "clusters": [{"name": name, "cluster": server}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
                "users": [{"name": user, "user": login}],
            },
            sort_keys=False,
        )

    async def close(self) -> None:
        """End all clusters; every task and process is gone afterwards."""
        if self._ticker is not None:
            self._ticker.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticker
            self._ticker = None
        for cluster_id in list(self.by_id):
            self.delete(cluster_id)
        await asyncio.gather(*self._closing)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for cluster in list(self.by_id.values()):
                cluster.loop.tick()
                self._weather.pass_over(cluster)
