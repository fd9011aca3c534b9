"""The cluster autoscaler that AKS runs: pools that have it grow while pods wait for room, and shrink when nodes have long been idle.

Each pool keeps within its minimum and maximum, and within the quota; a fault ``no_capacity`` that fits keeps it from growing (its subject
is ``AUTOSCALE …/agentPools/{pool}``). The pool stays Succeeded meanwhile; only its count and eTag change (AKS: cluster autoscaler).
"""

from __future__ import annotations

import asyncio
from typing import Final

from playground.azure import capacity, pools, quota
from playground.azure.errors import ArmError
from playground.azure.state import AgentPool, Cluster, Subscription

SCAN_SECONDS: Final = 10.0
SHORTEST_LOOK: Final = 0.2  # real, however fast the cloud works
UNNEEDED_SECONDS: Final = 600.0


class Autoscaler:
    """Looks at all clusters of a subscription again and again."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._unneeded: dict[tuple[str, str], float] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(max(SHORTEST_LOOK, self._subscription.clock.scaled(SCAN_SECONDS)))
            for cluster in self._subscription.clusters():
                self._look(cluster)

    def _look(self, cluster: Cluster) -> None:
        if cluster.stopped or cluster.busy:
            return
        idle = [pool for pool in cluster.pools.values() if pool.properties.get("enableAutoScaling") and not pool.stopped and not pool.busy]
        booting = [pool for pool in idle if not self._subscription.backend.pool_ready(cluster.backend_id, pool.name)]
        for pool in booting or idle:
            if self._adjust(cluster, pool):
                return  # the pods that waited may fit now

    def _adjust(self, cluster: Cluster, pool: AgentPool) -> bool:
        """Whether the pool was resized."""
        wanted = self._subscription.backend.nodes_wanted(cluster.backend_id, pool.name)
        count, key, now = pool.properties["count"], (cluster.backend_id, pool.name), self._subscription.clock.now()
        if wanted is None:
            return False
        wanted = max(pool.properties["minCount"], min(pool.properties["maxCount"], wanted))
        if wanted >= count:
            self._unneeded.pop(key, None)
            return wanted > count and self._can_grow(cluster, pool, wanted) and self._resize(cluster, pool, wanted)
        since = self._unneeded.setdefault(key, now)
        if now - since < self._subscription.clock.scaled(UNNEEDED_SECONDS):
            return False
        del self._unneeded[key]
        return self._resize(cluster, pool, wanted)

    def _can_grow(self, cluster: Cluster, pool: AgentPool, count: int) -> bool:
        more = quota.delta(pool, pool.properties | {"count": count}, was_stopped=False, will_be_stopped=False)
        try:
            quota.check(self._subscription, cluster.location, more, new=False)
        except ArmError:
            return False
        return not capacity.lacks(self._subscription, f"AUTOSCALE {cluster.group}/{cluster.name}/agentPools/{pool.name}", pool.properties)

    def _resize(self, cluster: Cluster, pool: AgentPool, count: int) -> bool:
        pool.properties["count"] = count
        pool.becomes(pool.provisioning_state)
        self._subscription.backend.set_pool(cluster.backend_id, pools.nodes_of(cluster, pool))
        return True
