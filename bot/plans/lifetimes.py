"""What ends together: a cluster with the node pools that were made (or adopted) with it, or a pool that has an expiry of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.errors import Refused
from bot.operations import leases
from bot.operations.services import Services
from bot.plans.changing import cost_of


@dataclass(frozen=True)
class Lifetime:
    """`pool` None: the whole cluster; `members` are the GPU pools that end with it."""

    cluster: ClusterState
    pool: PoolState | None
    members: tuple[PoolState, ...]

    @property
    def shown(self) -> str:
        """As people name it."""
        return f"{self.cluster.name}/{self.pool.name}" if self.pool else self.cluster.name

    @property
    def labels(self) -> Mapping[str, str]:
        """The tags that carry its expiry."""
        return self.pool.tags if self.pool else self.cluster.tags

    def resource(self, pool: PoolState) -> str:
        """A member as budgets name it."""
        return f"{self.cluster.name}/{pool.name}"

    async def allowed(self, do: Services) -> dict[str, Decimal]:
        """USD an hour by resource as it was approved (from the tags); where no tag tells, what the price list says now.

        Raises Refused where there is no price at all: unknown is not zero.
        """
        found = {}
        if self.pool is None:
            system = [pool for pool in self.cluster.pools if pool.mode == "System"]
            noted = tags.hourly(self.cluster.tags)
            found[self.cluster.name] = (await cost_of(do, self.cluster.region, system)).high if noted is None else noted
        for pool in self.members:
            noted = tags.hourly(pool.tags)
            found[self.resource(pool)] = (await cost_of(do, self.cluster.region, [pool])).high if noted is None else noted
        return found

    async def began(self, do: Services) -> float:
        """Since when it runs (epoch seconds): as its lease tells, or else the message that it was asked for with (Slack: a ts is a time)."""
        try:
            return (await leases.lease_of(do, self.shown)).created
        except Refused:
            return _seconds(tags.value(self.labels, tags.THREAD)) or do.clock.now()


def lifetime(cluster: ClusterState, pool: PoolState | None) -> Lifetime:
    """That of `pool`, which is its cluster's where both were made by one request; None: the cluster's."""
    operation = tags.value(cluster.tags, tags.OPERATION)
    own = [one for one in cluster.pools if one.mode != "System" and tags.ours(one.tags)]
    if pool is not None and tags.value(pool.tags, tags.OPERATION) not in ("", operation):
        return Lifetime(cluster, pool, (pool,))
    return Lifetime(cluster, None, tuple(one for one in own if tags.value(one.tags, tags.OPERATION) == operation))


def _seconds(ts: str) -> float:
    try:
        return float(ts)
    except ValueError:
        return 0.0
